package credentials

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Process runs a program and reads keys from its standard output: a JSON document that has either AccessKeyId,
// AccessKeySecret, SecurityToken and Expiration, as the replies of STS do, or mode ("AK" or "StsToken"),
// access_key_id, access_key_secret, sts_token and expiration, as the Alibaba Cloud CLI expects. The first element of
// command is the program, the others are its arguments; no shell is involved. The program is killed when
// Options.Timeout is over. What it writes to standard error is discarded, as it may have secrets.
//
// Keys without an expiration are fetched again once OSS refuses them.
func Process(command []string, opts *Options) *Provider {
	return newProvider(process{command}, opts)
}

type process struct{ command []string }

func (p process) name() string {
	if len(p.command) == 0 {
		return "process"
	}
	return "process " + p.command[0]
}

func (p process) fetch(ctx context.Context) (answer, error) {
	if len(p.command) == 0 || p.command[0] == "" {
		return answer{}, errors.New("the command is empty")
	}
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.WaitDelay = time.Second // a child of the program may hold the pipe open
	out := &bounded{}
	cmd.Stdout = out
	err := cmd.Run()
	switch {
	case out.full:
		return answer{}, errFull
	case err != nil && ctx.Err() != nil:
		return answer{}, fmt.Errorf("the program was killed: %w", ctx.Err())
	case err != nil:
		return answer{}, err
	}
	creds, err := parse(out.text)
	return answer{creds: creds}, err
}

// A bounded writer keeps what it is given until that is too much, which ends the program.
type bounded struct {
	text []byte
	full bool
}

var errFull = fmt.Errorf("the output is longer than %d bytes", maxReply)

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > maxReply {
		b.full = true
		return 0, errFull
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// splitCommand splits the process_command of a CLI profile into the program and its arguments, as the CLI does:
// blanks separate, quotes group. Elsewhere than on Windows a backslash escapes the character after it.
func splitCommand(command string) ([]string, error) {
	return splitCommandFor(runtime.GOOS, command)
}

func splitCommandFor(goos, command string) ([]string, error) {
	var args []string
	var arg strings.Builder
	var quote byte // 0 outside of quotes
	begun := false // arg may be empty and an argument all the same
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case c == '\\' && quote != '\'' && escapes(goos, quote, command[i+1:]):
			if i++; command[i] != '\n' {
				arg.WriteByte(command[i])
				begun = true
			}
		case c == '\\' && quote == 0 && goos != "windows":
			return nil, errors.New("the command ends with a backslash")
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, begun = c, true
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			if begun {
				args = append(args, arg.String())
			}
			arg.Reset()
			begun = false
		default:
			arg.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, errors.New("the command has a quote without an end")
	}
	if begun {
		args = append(args, arg.String())
	}
	if len(args) == 0 || args[0] == "" {
		return nil, errors.New("the command is empty")
	}
	return args, nil
}

// escapes reports whether a backslash before rest is one that escapes.
func escapes(goos string, quote byte, rest string) bool {
	switch {
	case rest == "":
		return false
	case goos == "windows":
		return quote == '"' && rest[0] == '"'
	case quote == '"':
		return strings.IndexByte("\"\\$`\n", rest[0]) >= 0
	}
	return true
}
