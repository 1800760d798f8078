// Command report reads what `go test -json ./dialects` says from its input and prints how many rows of each vendor's checklist hold, on one
// process and on one process for each service. What has failed is printed before, as the tests said it.
//
// It ends with 1 unless every row of every page of docs/dialects holds on both, and nothing else has failed.
package main

import (
	"fmt"
	"os"

	"github.com/inlethq/inlet/test/peers"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run() error {
	pages, err := readPages(os.DirFS(peers.Root()), "docs/dialects")
	if err != nil {
		return err
	}
	results, err := readResults(os.Stdin, os.Stdout)
	if err != nil {
		return err
	}
	return table(os.Stdout, pages, results)
}
