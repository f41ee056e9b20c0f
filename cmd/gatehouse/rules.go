package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"gatehouse/internal/rules/azure"
)

// ruleCommand converts rule groups: Azure's JSON to a Prometheus rule file, a
// Prometheus rule file to a deployment template.
func ruleCommand(args []string, out io.Writer) error {
	if len(args) == 0 || args[0] != "convert" {
		return errors.New("use: gatehouse rules convert FILE [flags]")
	}
	set := flag.NewFlagSet("rules convert", flag.ContinueOnError)
	parameters := map[string]any{}
	set.Func("parameter", "name=value, of a deployment template; may be given again", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("use name=value")
		}
		parameters[name] = value
		return nil
	})
	var d azure.Defaults
	workspace := set.String("workspace", "", "resource id of the workspace that the groups are for")
	cluster := set.String("cluster", "", "resource id of a cluster that the groups are for")
	set.StringVar(&d.ClusterName, "cluster-name", "", "name of the cluster")
	set.StringVar(&d.Location, "location", "", "region of the groups")
	set.StringVar(&d.ActionGroup, "action-group", "", "resource id of the action group of alerts")
	file := ""
	rest := args[1:]
	for len(rest) > 0 { // the file may stand before the flags
		if !strings.HasPrefix(rest[0], "-") && file == "" {
			file, rest = rest[0], rest[1:]
			continue
		}
		if err := set.Parse(rest); err != nil {
			return err
		}
		if rest = set.Args(); file != "" && len(rest) > 0 {
			return fmt.Errorf("one file at a time: %q is one too many", rest[0])
		}
	}
	if file == "" {
		return errors.New("use: gatehouse rules convert FILE [flags]")
	}
	for _, id := range []string{*workspace, *cluster} {
		if id != "" {
			d.Scopes = append(d.Scopes, id)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	converted, err := convert(text, parameters, d)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	_, err = out.Write(converted)
	return err
}

func convert(text []byte, parameters map[string]any, d azure.Defaults) ([]byte, error) {
	start := bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), " \t\r\n")
	if bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("[")) {
		groups, err := azure.Read(text, parameters)
		if err != nil {
			return nil, err
		}
		return azure.ToPrometheus(groups)
	}
	groups, err := azure.FromPrometheus(text, d)
	if err != nil {
		return nil, err
	}
	return azure.Template(groups)
}
