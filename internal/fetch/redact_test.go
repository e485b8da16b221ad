package fetch

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestRedactHidesCredentials: the rest of the URL and of the message stays.
func TestRedactHidesCredentials(t *testing.T) {
	for text, want := range map[string]string{
		"https://github.com/o/r//path?ref=v1&timeout=5":      "https://github.com/o/r//path?ref=v1&timeout=5",
		"https://user:s3cret@example.com/o/r":                "https://example.com/o/r",
		"https://user:s3@cret@example.com/o/r":               "https://example.com/o/r",
		"https://user:s3/c/ret@example.com/o/r":              "https://example.com/o/r",
		"https://user:s3@c/r@et@example.com/o/r":             "https://example.com/o/r",
		"https://user:s3?c/ret@example.com/o/r?ref=main":     "https://example.com/o/r?ref=main",
		"https://s3cret@example.com/o/r":                     "https://example.com/o/r",
		"there is no app/https:/user:s3/cret@example.com/o":  "there is no app/https://example.com/o",
		"https://example.com/o@v1/x.yaml?ref=a@b":            "https://example.com/o@v1/x.yaml?ref=a@b",
		"https://127.0.0.1:9/o@v1/x.yaml":                    "https://127.0.0.1:9/o@v1/x.yaml",
		"https://user:9@127.0.0.1:9/o@v1/x.yaml":             "https://v1/x.yaml",
		"https://user:9/s3cret@example.com/o":                "https://example.com/o",
		"https://a.user:9s3cret@example.com/o":               "https://example.com/o",
		"https://a.user:9@example.com/o":                     "https://example.com/o",
		"https://example.com/x.yaml?ref=main;token=s3cret":   "https://example.com/x.yaml?ref=main",
		"https://example.com/x.yaml?token=s3cret":            "https://example.com/x.yaml",
		"https://example.com/x.yaml?token=s3cret&ref=main":   "https://example.com/x.yaml?ref=main",
		"unable to access 'https://a:s3cret@example.com/o/'": "unable to access 'https://example.com/o/'",
		"git@github.com:o/r?ref=main":                        "git@github.com:o/r?ref=main",
	} {
		if got := Redact(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

func TestRedactErrorKeepsTheCause(t *testing.T) {
	err := RedactError(fmt.Errorf("Get \"https://u:s3cret@example.com/?token=s3cret\": %w\n<html>", context.Canceled))
	if want := "Get \"https://example.com/\": context canceled"; err.Error() != want || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, want %q, which is a canceled context", err, want)
	}
}

func TestWithoutQuotes(t *testing.T) {
	cause := errors.New(`realm "s3\"cret": 's3cret' of https://user:s3cret@example.com`)
	if err := WithoutQuotes(cause); err.Error() != "realm …: … of https://example.com" || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}
