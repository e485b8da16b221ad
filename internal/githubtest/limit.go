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

// usage is what one identity has used of its limits.
type usage struct {
	window time.Time
	used   int
	writes []time.Time
}

// usageOf begins a new window where the last is over.
func (s *Server) usageOf(login string) *usage {
	u := s.limits[login]
	if u == nil {
		u = &usage{window: s.now}
		s.limits[login] = u
	}
	if !s.now.Before(u.window.Add(time.Hour)) {
		u.window, u.used = s.now, 0
	}
	u.writes = slices.DeleteFunc(u.writes, func(t time.Time) bool { return !s.now.Before(t.Add(time.Hour)) })
	return u
}

// limit counts a call and refuses it where a limit is reached. Refused calls count for nothing.
func (s *Server) limit(c *call, write bool) (int, any) {
	u := s.usageOf(c.by.login)
	defer func() { u.describe(c.header, s.now) }()
	if u.used >= requestsAnHour {
		return http.StatusForbidden, failure(http.StatusForbidden, "API rate limit exceeded for installation.")
	}
	if wait := u.writeWait(s.now); write && c.by.write && wait > 0 {
		c.header.Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
		return http.StatusForbidden, secondaryLimit(http.StatusForbidden)
	}
	u.used++
	if write && c.by.write {
		u.writes = append(u.writes, s.now)
	}
	return 0, nil
}

// writeWait is how long to wait until the next write is allowed.
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

func (u *usage) describe(header http.Header, now time.Time) {
	for name, value := range map[string]int64{
		"Limit": requestsAnHour, "Used": int64(u.used), "Remaining": int64(requestsAnHour - u.used), "Reset": u.window.Add(time.Hour).Unix(),
	} {
		header.Set("X-RateLimit-"+name, fmt.Sprint(value))
	}
}

// secondaryLimit is the body by which clients tell a secondary limit from a missing permission.
func secondaryLimit(status int) map[string]any {
	body := failure(status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	body["documentation_url"] = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	return body
}
