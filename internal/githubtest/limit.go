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

// limits counts what each identity, by its login, has used of GitHub's rate limits.
type limits struct {
	clock *clock
	used  map[string]*usage
}

// usage is what one identity has used.
type usage struct {
	window   time.Time // the beginning of the current hour
	requests int       // in that hour
	writes   []time.Time
}

// of returns what an identity has used, and begins a new hour where the last is over.
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

// admit counts a request and describes the limits in the answer's header. It returns status 0, or the answer that
// refuses the request where a limit is reached. A refused request counts for nothing; nor does a write without the
// permission count as a write.
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

// writeWait returns how long the next write has to wait.
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

// secondaryLimit is the answer by which a client tells a secondary limit from a missing permission.
func secondaryLimit(status int) map[string]any {
	body := failure(status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	body["documentation_url"] = "https://docs.github.com/free-pro-team@latest/rest/overview/" +
		"rate-limits-for-the-rest-api#about-secondary-rate-limits"
	return body
}
