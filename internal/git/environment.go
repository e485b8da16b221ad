package git

import (
	"slices"
	"strings"
)

// The variables that git gets from the caller. The list says what git needs, and not what it must not see: secrets of
// CI and of Argo CD have any name, because the author of a workflow or of a sidecar chooses it. Git and the programs
// with which the user reaches a remote (ssh, credential helpers, curl) need the variables below. A helper that reads a
// secret from the environment finds it in a variable whose name begins with GIT_, which the user has named for git.
//
// Names are compared in upper case: variables of proxies are mostly written in lower case, and Windows has Path.
var (
	passedNames = []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "LANG", "LANGUAGE", "TMPDIR", "TMP", "TEMP",
		// Proxies and certificates, for curl.
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
		"CURL_HOME", "NIX_SSL_CERT_FILE", "OPENSSL_CONF", "KRB5CCNAME", "KRB5_CONFIG",
		// Keys and passwords that another program keeps: ssh-agent, gpg, a keyring of the desktop.
		"SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_SK_PROVIDER", "GNUPGHOME", "GPG_TTY",
		"PASSWORD_STORE_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
		// Windows.
		"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH",
		"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "MSYSTEM",
	}
	// GCM_ is for Git Credential Manager, and VSCODE_GIT_ for the terminal of the editor, which answers git's questions.
	passedPrefixes = []string{"GIT_", "XDG_", "LC_", "LD_", "DYLD_", "GCM_", "VSCODE_GIT_"}
)

// gitLocalEnv lists the variables that make git use another repository, or show another diff, than the caller wants.
// Git sets some of them for a hook, for example. The list has the variables that `git rev-parse --local-env-vars`
// prints, without the variables that hold configuration (GIT_CONFIG_PARAMETERS, GIT_CONFIG_COUNT), and some variables
// of `git help git`.
var gitLocalEnv = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_ATTR_SOURCE", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIFF_OPTS", "GIT_DIR",
	"GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX",
	"GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

// emptyVariable is an environment variable with an empty value, for --config-env.
const emptyVariable = "PULLCHECK_EMPTY"

// environment returns the environment for git: the variables of the caller that git needs, and the variables that keep
// git from asking questions, from taking optional locks, from replacing objects and from translating its messages.
func environment(caller []string) []string {
	env := slices.DeleteFunc(slices.Clone(caller), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		name = strings.ToUpper(name)
		begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		passed := slices.Contains(passedNames, name) || slices.ContainsFunc(passedPrefixes, begins)
		return !passed || slices.Contains(gitLocalEnv, name)
	})
	return append(env,
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C", emptyVariable+"=")
}
