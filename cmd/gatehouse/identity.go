package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/identity"
)

const identityUsage = `usage:
  gatehouse identity add    --file FILE [--use scrape] NAME
  gatehouse identity secret --file FILE [--days 90] [--workload] NAME
  gatehouse identity revoke --file FILE NAME SECRET
  gatehouse identity review FILE...
FILE is that of the setting identity.principals; a secret is shown once, the file has its hash`

// identityCommand keeps the file of principals.
func identityCommand(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(identityUsage)
	}
	set := flag.NewFlagSet("identity "+args[0], flag.ContinueOnError)
	set.SetOutput(io.Discard)
	file := set.String("file", "", "file of principals")
	use := set.String("use", "", "scrape: never more than reading")
	days := set.Int("days", 90, "that a secret lasts")
	workload := set.Bool("workload", false, "for the managed identity endpoint")
	if err := set.Parse(args[1:]); err != nil {
		return fmt.Errorf("%w\n%s", err, identityUsage)
	}
	if args[0] == "review" && set.NArg() > 0 {
		return reviewIdentities(set.Args(), out)
	}
	wanted, known := map[string]int{"add": 1, "secret": 1, "revoke": 2}[args[0]]
	if !known || set.NArg() != wanted || *file == "" {
		return errors.New(identityUsage)
	}
	return changePrincipals(*file, func(r *identity.Rules) error {
		switch args[0] {
		case "add":
			return addPrincipal(r, set.Arg(0), *use, out)
		case "secret":
			return addSecret(r, set.Arg(0), *days, *workload, out)
		}
		return revokeSecret(r, set.Arg(0), set.Arg(1), out)
	})
}

// changePrincipals reads the file, changes it and writes it as a whole, for its
// owner alone. A change that makes it wrong is not written.
func changePrincipals(path string, change func(*identity.Rules) error) error {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	rules, err := identity.Read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(rules.Assignments)+len(rules.Groups)+len(rules.Roles) > 0 {
		return fmt.Errorf("%s has roles, groups or assignments: keep them in the file of identity.rules, as this one is written anew", path)
	}
	if err := change(rules); err != nil {
		return err
	}
	if _, err := identity.Compile(rules); err != nil {
		return fmt.Errorf("%s is not changed: %w", path, err)
	}
	if data, err = yaml.Marshal(map[string]any{"principals": rules.Principals}); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".principals-*") // for the owner alone
	if err != nil {
		return err
	}
	_, err = temporary.Write(append([]byte("# Written by gatehouse identity. Secrets stand here as hashes.\n"), data...))
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

func addPrincipal(r *identity.Rules, name, use string, out io.Writer) error {
	p := &identity.Principal{Name: name, ID: uuid.NewString(), ClientID: uuid.NewString(), Use: use}
	r.Principals = append(r.Principals, p)
	_, err := fmt.Fprintf(out, "principal %s\nclient id %s\nobject id %s\n", p.Name, p.ClientID, p.ID)
	return err
}

func findPrincipal(r *identity.Rules, name string) (*identity.Principal, error) {
	for _, p := range r.Principals {
		if strings.EqualFold(p.Name, name) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("there is no principal %q: gatehouse identity add makes one", name)
}

// addSecret makes a secret. One that has ended makes room; two that live do not.
func addSecret(r *identity.Rules, name string, days int, workload bool, out io.Writer) error {
	p, err := findPrincipal(r, name)
	if err != nil {
		return err
	}
	now := time.Now()
	text, kept, err := identity.NewSecret(now, time.Duration(days)*24*time.Hour)
	if err != nil {
		return err
	}
	list := &p.Secrets
	if workload {
		list = &p.Managed
	}
	*list = slices.DeleteFunc(*list, func(s identity.Secret) bool { return !now.Before(s.Ends) })
	if len(*list) >= identity.MaxSecrets {
		return fmt.Errorf("%s has %d secrets that live: revoke the older one, %s", p.Name, len(*list), (*list)[0].ID)
	}
	*list = append(*list, kept)
	_, err = fmt.Fprintf(out, "client id %s\nsecret %s\nshown once; its id is %s, it ends on %s\n", p.ClientID, text, kept.ID, kept.Ends.Format(time.DateOnly))
	return err
}

func revokeSecret(r *identity.Rules, name, id string, out io.Writer) error {
	p, err := findPrincipal(r, name)
	if err != nil {
		return err
	}
	before := len(p.Secrets) + len(p.Managed)
	this := func(s identity.Secret) bool { return s.ID == id }
	p.Secrets, p.Managed = slices.DeleteFunc(p.Secrets, this), slices.DeleteFunc(p.Managed, this)
	if len(p.Secrets)+len(p.Managed) == before {
		return fmt.Errorf("%s has no secret %q", p.Name, id)
	}
	_, err = fmt.Fprintf(out, "secret %s of %s is revoked; tokens that it got end within an hour\n", id, p.Name)
	return err
}

// reviewIdentities prints who may do what, and fails when a finding is an error.
func reviewIdentities(paths []string, out io.Writer) error {
	var files []*identity.Rules
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rules, err := identity.Read(data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, rules)
	}
	access, err := identity.Compile(files...)
	if err != nil {
		return err
	}
	review := access.Review(time.Now())
	for _, p := range review.Principals {
		fmt.Fprintf(out, "%s (issuer %s, client id %s)\n", p.Name, p.Issuer, p.ClientID)
		for _, r := range p.Roles {
			via := ""
			if r.Group != "" {
				via = ", by group " + r.Group
			}
			fmt.Fprintf(out, "  %s at %s%s\n", r.Role, r.Scope, via)
		}
		for _, s := range p.Secrets {
			fmt.Fprintf(out, "  %s secret %s: %s, %.0f days left\n", s.Kind, s.ID, s.State, s.DaysLeft)
		}
	}
	failed := 0
	for _, f := range review.Findings {
		if fmt.Fprintf(out, "%s: %s: %s\n", f.Severity, f.Principal, f.Text); f.Severity == "error" {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d findings need action", failed)
	}
	return nil
}
