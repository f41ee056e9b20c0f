package debug

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/record"
)

// arguments are the flags of the command.
type arguments struct {
	Options
	policy, request, data, trace, monitor, token string
	json, plain                                  bool
	rest                                         []string
}

// Command is "gatehouse policy debug".
func Command(args []string, out io.Writer) error { return run(args, os.Stdin, out, terminal(out)) }

// terminal tells whether a person sits in front.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && character(f) && character(os.Stdin)
}

func character(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func run(args []string, in io.Reader, out io.Writer, person bool) error {
	a, err := parse(args, out)
	if err != nil {
		return err
	}
	recording, err := a.recording(out)
	if err != nil {
		return err
	}
	p := printer{out, recording}
	switch {
	case a.json:
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(recording.Trace())
	case person && !a.plain:
		return interact(p, in)
	}
	p.all()
	return nil
}

// recording runs the request, or fetches what a gateway recorded.
func (a *arguments) recording(out io.Writer) (*record.Recording, error) {
	if a.trace != "" {
		recorded, err := Fetch(a.monitor, a.token, a.trace)
		if err != nil || a.Source.Folder == "" && a.Source.Policy == nil {
			return recorded, err
		}
		left, err := a.Replay(recorded)
		if err != nil {
			return nil, err
		}
		if len(left) > 0 && !a.json {
			fmt.Fprintf(out, "not replayed, as the recording does not hold it: %s\n\n", strings.Join(left, ", "))
		}
	}
	result, err := Run(a.Options)
	if err != nil {
		return nil, err
	}
	return result.Recording, nil
}

func parse(args []string, out io.Writer) (*arguments, error) {
	a := &arguments{Options: Options{Header: http.Header{}, Parameters: map[string]string{}}}
	set := a.flags(out)
	for rest := args; len(rest) > 0; { // flags may stand behind the words
		if err := set.Parse(rest); err != nil {
			return nil, err
		}
		if rest = set.Args(); len(rest) > 0 {
			a.rest, rest = append(a.rest, rest[0]), rest[1:]
		}
	}
	return a, a.settle()
}

func (a *arguments) flags(out io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("policy debug", flag.ContinueOnError)
	set.SetOutput(out)
	set.Usage = func() {
		fmt.Fprint(out, "gatehouse policy debug --service DIR [flags] [METHOD] [URL]\n\nRuns one request through the policies and shows what each statement changes.\nOn a terminal you walk over the statements, forwards and back. Flags:\n\n")
		set.PrintDefaults()
	}
	set.StringVar(&a.Source.Folder, "service", "", "APIOps artifact folder")
	set.StringVar(&a.Source.Overrides, "overrides", "", "APIOps configuration file laid over the folder")
	set.StringVar(&a.policy, "policy", "", "one policy document instead of a folder")
	set.StringVar(&a.Source.Scope, "scope", "", "scope of --policy: global, product, api or operation")
	set.StringVar(&a.Source.ServiceURL, "backend", "", "with --policy: URL of the backend")
	set.BoolVar(&a.Extended, "extended-types", false, ".NET types beyond the documented ones")
	set.StringVar(&a.API, "api", "", "id of the API to call")
	set.StringVar(&a.Operation, "operation", "", "id of the operation to call")
	set.StringVar(&a.Method, "X", "", "method")
	set.StringVar(&a.data, "d", "", "body, or @FILE")
	set.StringVar(&a.request, "request", "", "file with a raw HTTP request")
	set.StringVar(&a.Subscription, "subscription", "", "send the key of this subscription")
	set.StringVar(&a.trace, "trace", "", "show the recording with this id; with --service run its request again")
	set.StringVar(&a.monitor, "monitor", "http://127.0.0.1:9080", "monitor door for --trace")
	set.StringVar(&a.token, "token", os.Getenv("GATEHOUSE_TOKEN"), "admin token for the monitor door")
	set.BoolVar(&a.json, "json", false, "print the recording as JSON")
	set.BoolVar(&a.plain, "print", false, "print everything, on a terminal too")
	set.Func("H", "header, \"Name: value\"; may be given several times", func(v string) error {
		name, value, ok := strings.Cut(v, ":")
		if !ok {
			return errors.New("write Name: value")
		}
		a.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	set.Func("param", "name=value of the operation's template; may be given several times", func(v string) error {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("write name=value")
		}
		a.Parameters[name] = value
		return nil
	})
	set.Func("named-value", "name=value; may be given several times", func(v string) error {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("write name=value")
		}
		a.Source.NamedValues = append(a.Source.NamedValues, apim.NamedValue{ID: name, Name: name, Value: value})
		return nil
	})
	set.Func("backend-response", "file with a raw HTTP response that forward-request gets; may be given several times, in order", func(v string) error {
		a.BackendResponses = append(a.BackendResponses, v)
		return nil
	})
	return set
}

// settle reads the files that the flags name.
func (a *arguments) settle() error {
	for _, word := range a.rest {
		switch {
		case strings.ContainsAny(word, "/:"):
			a.URL = word
		case a.Method == "":
			a.Method = strings.ToUpper(word)
		default:
			return fmt.Errorf("policy debug: unexpected argument %q", word)
		}
	}
	if a.policy != "" {
		d, err := document(a.policy)
		if err != nil {
			return err
		}
		a.Source.Policy = d
	}
	if a.Source.Folder == "" && a.Source.Policy == nil && a.trace == "" {
		return errors.New("policy debug: name --service DIR, --policy FILE or --trace ID")
	}
	if a.request != "" {
		if err := a.ReadRequest(a.request); err != nil {
			return err
		}
	}
	if path, ok := strings.CutPrefix(a.data, "@"); ok {
		data, err := readFile(path)
		if err != nil {
			return err
		}
		a.Body = data
	} else if a.data != "" {
		a.Body = []byte(a.data)
	}
	if len(a.Body) > 0 && a.Method == "" && a.API == "" {
		a.Method = http.MethodPost
	}
	return nil
}
