package helm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"helm.sh/helm/v3/pkg/strvals"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// StdinName is the path that stands for standard input, as in `helm template -f -`.
const StdinName = "-"

// ReadGiven returns the options with the files that the user has named: the values files of -f in order, of which one
// may be standard input, and the files of --set-file. It also merges the values once without a chart, which finds
// errors in the flags. The errors name the flag; an error with a hint is a *yamldoc.Error.
func ReadGiven(work *tree.Work, options Options, valuesFiles []string, stdin io.Reader) (Options, error) {
	for _, name := range valuesFiles {
		file, err := readValuesFile(work, name, stdin)
		if errors.Is(err, fs.ErrNotExist) {
			return options, &yamldoc.Error{
				Err: fmt.Errorf("--values %s does not exist", name), Hint: "values files are relative to the working directory",
			}
		}
		if err != nil {
			return options, fmt.Errorf("--values %w", err)
		}
		options.ValuesFiles = append(options.ValuesFiles, file)
	}
	var err error
	if options.SetFiles, err = findSetFiles(work, options.SetFile); err != nil {
		return options, fmt.Errorf("--set-file: %w", err)
	}
	_, err = Values(work.Files, options, nil)
	return options, err
}

// readValuesFile returns a file of -f, after a check that it can be read as values.
func readValuesFile(work *tree.Work, name string, stdin io.Reader) (render.File, error) {
	file := render.File{Path: name}
	var err error
	if name == StdinName {
		file.Data, err = io.ReadAll(stdin)
	} else {
		file, err = givenFile(work, name)
	}
	if err == nil {
		_, err = ReadValues(work.Files, file)
	}
	return file, err
}

// findSetFiles returns the files that the values of --set-file name, by their names in the values. Helm's parser finds
// the names.
func findSetFiles(work *tree.Work, flags []string) (map[string]render.File, error) {
	files := map[string]render.File{}
	for _, flag := range flags {
		err := strvals.ParseIntoFile(flag, map[string]any{}, func(name []rune) (any, error) {
			file, err := givenFile(work, string(name))
			files[string(name)] = file
			return "", err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// givenFile returns the file that a flag names. A file inside the tree is only named, so that it is read from the tree
// of each render. A file outside of the tree is read now.
func givenFile(work *tree.Work, path string) (render.File, error) {
	if name, ok := work.Name(path); ok {
		return render.File{Path: name}, nil
	}
	data, err := work.ReadOutside(path)
	return render.File{Path: path, Data: data}, err
}
