package review

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pullcheck/pullcheck/check"
)

// WriteJobSummary appends the whole report to the job summary of a GitHub workflow, the file that GITHUB_STEP_SUMMARY
// names. Outside of a workflow it does nothing. getenv returns environment variables, as os.Getenv does.
func WriteJobSummary(getenv func(string) string, input Input) error {
	return appendFile(getenv("GITHUB_STEP_SUMMARY"), jobSummary(input))
}

// WriteOutputs sets the outputs of a workflow's step, in the file that GITHUB_OUTPUT names: the number of all findings
// in the affected sources, the number of new findings, the number of failures, and the path of a report file, which
// may be empty. Outside of a workflow it does nothing. getenv returns environment variables, as os.Getenv does.
func WriteOutputs(getenv func(string) string, result *check.Report, all int, reportFile string) error {
	return appendFile(getenv("GITHUB_OUTPUT"), fmt.Sprintf("findings=%d\nnew-findings=%d\nfailures=%d\nreport=%s\n",
		all, len(result.Findings), len(result.Failures), filepath.ToSlash(reportFile)))
}

// appendFile appends a text to a file. Without a name it does nothing.
func appendFile(name, text string) error {
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
