package syntax

// Options bound what a query's text may ask of the parser. Zero fields mean
// those of DefaultOptions.
type Options struct {
	Size     int // bytes of text
	Depth    int // brackets within brackets
	Stages   int // operators between pipes, in the whole text
	Literals int // constants in the whole text
	Chain    int // operands of one chain, such as a and b and c
	Errors   int // told before the parser gives up
}

// DefaultOptions are the limits of a query that came from outside.
func DefaultOptions() Options {
	return Options{Size: 128 << 10, Depth: 64, Stages: 100, Literals: 1000, Chain: 1000, Errors: 20}
}

func (o Options) filled() Options {
	d := DefaultOptions()
	for _, f := range []struct{ value, standard *int }{
		{&o.Size, &d.Size}, {&o.Depth, &d.Depth}, {&o.Stages, &d.Stages},
		{&o.Literals, &d.Literals}, {&o.Chain, &d.Chain}, {&o.Errors, &d.Errors},
	} {
		if *f.value <= 0 {
			*f.value = *f.standard
		}
	}
	return o
}
