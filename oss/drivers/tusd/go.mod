module github.com/ossmultipart/go-oss/oss/drivers/tusd

go 1.25.0

require (
	github.com/ossmultipart/go-oss v0.0.0
	github.com/tus/tusd/v2 v2.9.1
	golang.org/x/exp v0.0.0-20250106191152-7588d65b2ba8
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	golang.org/x/sync v0.20.0 // indirect
)

replace github.com/ossmultipart/go-oss => ../../..
