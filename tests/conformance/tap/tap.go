// Package tap prints points of the Test Anything Protocol, version 13. It stands in for
// github.com/mndrix/tap-go, which runtime-tools' programs import and Debian does not have.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T counts the points of one program.
type T struct {
	Writer io.Writer
	count  *int
	todo   string
}

// New begins with no points.
func New() *T { return &T{Writer: os.Stdout, count: new(int)} }

func (t *T) printf(format string, words ...interface{}) {
	fmt.Fprintf(t.Writer, format, words...)
}

// Header prints the version, and the plan where it is known.
func (t *T) Header(points int) {
	t.printf("TAP version 13\n")
	if points > 0 {
		t.printf("1..%d\n", points)
	}
}

// AutoPlan prints the plan after the last point.
func (t *T) AutoPlan() { t.printf("1..%d\n", *t.count) }

// Ok prints a point that passes or fails.
func (t *T) Ok(passed bool, description string) {
	*t.count++
	word := "ok"
	if !passed {
		word = "not ok"
	}
	t.printf("%s %d - %s%s\n", word, *t.count, description, t.todo)
}

// Pass prints a point that passes.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail prints a point that fails.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip prints so many points as skipped.
func (t *T) Skip(points int, reason string) {
	for ; points > 0; points-- {
		*t.count++
		t.printf("ok %d # SKIP %s\n", *t.count, reason)
	}
}

// Todo is the same plan; its points are expected to fail for now.
func (t *T) Todo() *T { return &T{t.Writer, t.count, " # TODO"} }

// Diagnostic prints a remark on the last point.
func (t *T) Diagnostic(remark string) {
	t.printf("# %s\n", strings.ReplaceAll(strings.TrimRight(remark, "\n"), "\n", "\n# "))
}

// Diagnosticf is Diagnostic with a format.
func (t *T) Diagnosticf(format string, words ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, words...))
}

// YAML prints a value as the block below the last point; JSON is YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err == nil {
		t.printf("  ---\n  %s\n  ...\n", text)
	}
	return err
}
