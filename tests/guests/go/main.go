// wasi_go: a program in Go. It counts the words of its input, sorted, and adds what stands in a file, if an argument names one.
package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"time"
)

func main() {
	counts := map[string]int{}
	words := bufio.NewScanner(os.Stdin)
	words.Split(bufio.ScanWords)
	for words.Scan() {
		counts[words.Text()]++
	}
	names := []string{}
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%s %d\n", name, counts[name])
	}
	// Two goroutines that wait for each other and for time.
	done := make(chan string)
	go func() {
		time.Sleep(time.Millisecond)
		done <- os.Getenv("NAME")
	}()
	fmt.Printf("name %q\n", <-done)
	if len(os.Args) > 1 {
		text, err := os.ReadFile(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		fmt.Printf("file %s\n", text)
	}
}
