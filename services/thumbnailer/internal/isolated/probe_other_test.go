//go:build !linux

package isolated

func probe() {}
