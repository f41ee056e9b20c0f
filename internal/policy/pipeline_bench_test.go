package policy

import (
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

type nothing struct{}

func (nothing) Run(*Context) error { return nil }

// The cost of tracing one executed statement: the difference between the two,
// divided by ten, plus encoding. A statement is timed by two clock readings.
func BenchmarkTenStatements(b *testing.B) {
	block := make(Block, 10)
	for i := range block {
		block[i] = step{statement: nothing{}, index: uint16(i)}
	}
	b.Run("traced", func(b *testing.B) {
		c := &Context{Exchange: telemetry.NewExchange()}
		c.Exchange.Start = time.Now()
		b.ReportAllocs()
		for b.Loop() {
			c.Exchange.Steps = c.Exchange.Steps[:0]
			if err := block.Run(c); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("untraced", func(b *testing.B) {
		c := &Context{}
		b.ReportAllocs()
		for b.Loop() {
			for i := range block {
				if err := block[i].statement.Run(c); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("encoded", func(b *testing.B) {
		steps := make([]telemetry.Step, 10)
		for i := range steps {
			steps[i] = telemetry.Step{Index: uint16(i), Start: int64(i) * 1000, Duration: 900}
		}
		var dst []byte
		b.ReportAllocs()
		for b.Loop() {
			dst = telemetry.AppendSteps(dst[:0], steps)
		}
	})
}
