package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pullcheck/pullcheck/internal/child"
)

// limitFlags are the flags that bound what one source may cost.
type limitFlags struct {
	timeout time.Duration
	memory  quantity
}

// register declares the flags.
func (f *limitFlags) register(flags *pflag.FlagSet) {
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long one source may take; 0 is without a limit")
	flags.Var(&f.memory, "memory", "how much memory the program may use, such as 2Gi (default three quarters of what there is, at most 4Gi)")
}

// apply sets the limits for the work that follows.
func (f *limitFlags) apply(ctx context.Context) error {
	if f.timeout < 0 {
		return usagef("--timeout 5m", "--timeout %s, expected a duration that is not negative", f.timeout)
	}
	limits := child.Limits{Timeout: f.timeout, Memory: uint64(f.memory)}
	if limits.Memory == 0 {
		limits.Memory = child.DefaultMemory()
	}
	child.Limit(ctx, limits)
	return nil
}

// leastMemory is the least memory that --memory takes, in bytes. With less, nothing can be rendered.
const leastMemory = 128 << 20

// quantity is a number of bytes, which is typed as Kubernetes writes quantities: 512Mi, 2Gi.
type quantity uint64

// String implements pflag.Value.
func (q *quantity) String() string {
	if *q == 0 {
		return ""
	}
	return resource.NewQuantity(int64(*q), resource.BinarySI).String()
}

// Set implements pflag.Value.
func (q *quantity) Set(text string) error {
	parsed, err := resource.ParseQuantity(text)
	if err != nil || parsed.Value() < leastMemory {
		return fmt.Errorf("expected %s or more, such as 2Gi", resource.NewQuantity(leastMemory, resource.BinarySI))
	}
	*q = quantity(parsed.Value())
	return nil
}

// Type implements pflag.Value.
func (q *quantity) Type() string { return "quantity" }
