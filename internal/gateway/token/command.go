package token

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// command runs the configured program. It prints a token, or JSON such as that
// of the Azure command line tool. {resource} and {clientId} in its arguments
// are replaced; no shell reads them.
func (m *Managed) command(ctx context.Context, resource, clientID string) (Token, error) {
	line := m.options.Command
	if len(line) == 0 {
		return Token{}, fmt.Errorf("the token command is %w: set identity.managed.command", ErrNotConfigured)
	}
	replace := strings.NewReplacer("{resource}", resource, "{clientId}", clientID)
	arguments := make([]string, 0, len(line)-1)
	for _, a := range line[1:] {
		arguments = append(arguments, replace.Replace(a))
	}
	run := exec.CommandContext(ctx, line[0], arguments...)
	run.WaitDelay = time.Second
	out := &limited{left: maxAnswer}
	run.Stdout = out
	if err := run.Run(); err != nil {
		return Token{}, fmt.Errorf("run the token command: %w", err)
	}
	text := strings.TrimSpace(out.String())
	if strings.HasPrefix(text, "{") {
		t, err := parse([]byte(text), m.options.Now())
		if err != nil {
			return Token{}, fmt.Errorf("what the token command printed %w", err)
		}
		return t, nil
	}
	if text == "" || strings.ContainsAny(text, " \t\r\n") {
		return Token{}, fmt.Errorf("the token command printed no token")
	}
	return Token{Value: text}, nil
}

// limited keeps the beginning of what is written to it.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, fmt.Errorf("it printed more than %d bytes", maxAnswer)
	}
	l.left -= len(p)
	return l.Buffer.Write(p)
}
