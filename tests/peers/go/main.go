// Command gopeer is the Go side of the interop tests: independent implementations of TLCP (gmtls), gRPC, HTTP/2 and
// WebSocket that Jadegate has to get along with, and clients that misbehave on purpose.
//
// Servers print one line, `listening HOST:PORT`, when they accept connections, and run until they are killed. Clients
// print one JSON object per line and exit with 0 when what was asked for worked, with 1 when it did not, with 2 when
// the command line was wrong.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
)

var commands = map[string]func(*flag.FlagSet, []string) error{
	"tlcp-server": tlcpServer,
	"tlcp-client": tlcpClient,
	"http-server": httpServer,
	"ws-client":   wsClient,
	"grpc-server": grpcServer,
	"grpc-client": grpcClient,
	"flood":       flood,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gopeer tlcp-server|tlcp-client|http-server|ws-client|grpc-server|grpc-client|flood [flags]")
		os.Exit(2)
	}
	name := os.Args[1]
	if err := commands[name](flag.NewFlagSet(name, flag.ExitOnError), os.Args[2:]); err != nil {
		report(map[string]any{"error": err.Error()})
		os.Exit(1)
	}
}

// report prints one result for the harness to read.
func report(facts map[string]any) {
	line, err := json.Marshal(facts)
	if err != nil {
		panic(err) // only strings, numbers and lists of them are reported
	}
	fmt.Println(string(line))
}

// listen binds, and says where. Port 0 lets the kernel choose.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	fmt.Printf("listening %s\n", listener.Addr())
	return listener, nil
}
