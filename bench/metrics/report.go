package main

import (
	"fmt"
	"io"
)

// goal is how much worse than a stock Prometheus a figure may be.
const goal = 1.05

// report writes the table; a ratio above 1 is worse than a stock Prometheus.
func (b *bench) report(out io.Writer) {
	fmt.Fprintln(out, "| figure | stock Prometheus | Gatehouse | cost, stock = 1 | within 5 % |")
	fmt.Fprintln(out, "|---|---|---|---|---|")
	for _, r := range b.results {
		ratio := r.values[1] / r.values[0]
		if r.more {
			ratio = 1 / ratio
		}
		within := "yes"
		if ratio > goal {
			within = "no"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.2f | %s |\n", r.name, number(r.values[0], r.unit), number(r.values[1], r.unit), ratio, within)
	}
}

func number(v float64, unit string) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	case v >= 1:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.3f %s", v, unit)
}
