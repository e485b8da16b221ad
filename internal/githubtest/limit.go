package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// The limits of a workflow's GITHUB_TOKEN:
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
const (
	requestsAnHour = 1000
	writesAMinute  = 80
	writesAnHour   = 500
)

// limits counts what each user has used of GitHub's rate limits, by login.
type limits struct {
	clock *clock
	used  map[string]*usage
}

// usage is what one user has used.
type usage struct {
	window   time.Time   // the beginning of the current hour
	requests int         // in that hour
	writes   []time.Time // of the last hour
}

// of returns the usage of a user. It begins a new hour if the last hour is over.
func (l *limits) of(login string) *usage {
	now := l.clock.now
	u := l.used[login]
	if u == nil {
		u = &usage{window: now}
		l.used[login] = u
	}
	if !now.Before(u.window.Add(time.Hour)) {
		u.window, u.requests = now, 0
	}
	u.writes = slices.DeleteFunc(u.writes, func(t time.Time) bool { return !now.Before(t.Add(time.Hour)) })
	return u
}

// admit counts a request, and writes the state of the limits into the header of the answer. It returns status 0, or
// the answer that refuses the request if a limit is reached. A refused request does not count. A write by a user
// who may not write counts as a read.
func (l *limits) admit(by identity, write bool, header http.Header) (status int, answer any) {
	u, now := l.of(by.login), l.clock.now
	defer func() { u.describe(header) }()
	if u.requests >= requestsAnHour {
		return http.StatusForbidden, failure(http.StatusForbidden, "API rate limit exceeded for installation.")
	}
	write = write && by.write
	if wait := u.writeWait(now); write && wait > 0 {
		header.Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
		return http.StatusForbidden, secondaryLimit(http.StatusForbidden)
	}
	u.requests++
	if write {
		u.writes = append(u.writes, now)
	}
	return 0, nil
}

// writeWait returns how long the next write must wait for the limits of writes: 0 if it need not wait.
func (u *usage) writeWait(now time.Time) time.Duration {
	var longest time.Duration
	for _, limit := range []struct {
		count int
		span  time.Duration
	}{{writesAMinute, time.Minute}, {writesAnHour, time.Hour}} {
		if len(u.writes) >= limit.count {
			longest = max(longest, u.writes[len(u.writes)-limit.count].Add(limit.span).Sub(now))
		}
	}
	return longest
}

func (u *usage) describe(header http.Header) {
	header.Set("X-RateLimit-Limit", fmt.Sprint(requestsAnHour))
	header.Set("X-RateLimit-Used", fmt.Sprint(u.requests))
	header.Set("X-RateLimit-Remaining", fmt.Sprint(requestsAnHour-u.requests))
	header.Set("X-RateLimit-Reset", fmt.Sprint(u.window.Add(time.Hour).Unix()))
}

// secondaryLimit returns the body of the answer for a secondary rate limit. Its text is the only way for a client
// to tell this limit from a missing permission: both have status 403.
func secondaryLimit(status int) map[string]any {
	body := failure(status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	body["documentation_url"] = "https://docs.github.com/free-pro-team@latest/rest/overview/" +
		"rate-limits-for-the-rest-api#about-secondary-rate-limits"
	return body
}
