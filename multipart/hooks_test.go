package multipart_test

import (
	"context"
	"strings"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// onFirst returns an OnStart hook that runs f once, when one of the operations (separated by
// spaces) first starts.
func onFirst(ops string, f func()) func(context.Context, oss.Operation) context.Context {
	var once sync.Once
	return func(ctx context.Context, op oss.Operation) context.Context {
		if strings.Contains(" "+ops+" ", " "+op.Name+" ") {
			once.Do(f)
		}
		return ctx
	}
}
