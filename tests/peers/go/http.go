package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

// backend is what the tests put behind Jadegate when nginx is not enough.
func backend() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from gopeer over %s\n", r.Proto)
	})
	// The request as it arrived, for assertions on what the proxy changed.
	mux.HandleFunc("/request", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "uri": r.RequestURI, "host": r.Host, "proto": r.Proto, "headers": r.Header,
			"trailers": r.Trailer, "body_bytes": len(body), "transfer_encoding": r.TransferEncoding,
		})
	})
	mux.HandleFunc("/bytes/", func(w http.ResponseWriter, r *http.Request) {
		count, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/bytes/"))
		if err != nil || count < 0 {
			http.Error(w, "a number of bytes is wanted", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(count))
		_, _ = io.CopyN(w, zeros{}, int64(count))
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		pause, err := time.ParseDuration(r.URL.Query().Get("for"))
		if err != nil {
			http.Error(w, "a duration is wanted", http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(pause):
			fmt.Fprintln(w, "slow")
		case <-r.Context().Done():
		}
	})
	// Echoes as it reads: both directions stream at once.
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Echoed")
		buffer := make([]byte, 16*1024)
		total := 0
		for {
			n, err := r.Body.Read(buffer)
			total += n
			if _, failed := w.Write(buffer[:n]); failed != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set("X-Echoed", strconv.Itoa(total))
	})
	// A response that breaks off in the middle of its body.
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "only this much")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.Handle("/ws", websocket.Server{Handler: func(conn *websocket.Conn) { _, _ = io.Copy(conn, conn) }})
	return mux
}

type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) {
	clear(buffer)
	return len(buffer), nil
}

// httpServer serves backend over HTTP/1.1 and HTTP/2, with TLS when -cert is given, else in clear (h2c included).
func httpServer(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("listen", "127.0.0.1:0", "address")
	cert := flags.String("cert", "", "certificate, PEM")
	key := flags.String("key", "", "its key, PEM")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: backend(), Protocols: &protocols}
	listener, err := listen(*address)
	if err != nil {
		return err
	}
	if *cert != "" {
		return server.ServeTLS(listener, *cert, *key)
	}
	return server.Serve(listener)
}

// dial connects to -connect: with TLS when -ca is given, offering alpn, else in clear.
func dial(address, name, ca string, alpn []string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if ca == "" {
		return dialer.Dial("tcp", address)
	}
	config, err := clientTLS(name, ca)
	if err != nil {
		return nil, err
	}
	config.NextProtos = alpn
	return tls.DialWithDialer(dialer, "tcp", address, config)
}

func clientTLS(name, ca string) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + ca)
	}
	return &tls.Config{RootCAs: pool, ServerName: name}, nil
}

// wsClient sends messages of several sizes to an echoing WebSocket and compares what comes back.
func wsClient(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("connect", "", "address")
	name := flags.String("name", "localhost", "server name")
	ca := flags.String("ca", "", "trusted roots, PEM; none for plaintext")
	path := flags.String("path", "/ws", "path of the WebSocket")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	conn, err := dial(*address, *name, *ca, []string{"http/1.1"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	config, err := websocket.NewConfig("ws://"+*name+*path, "http://"+*name+"/")
	if err != nil {
		return err
	}
	socket, err := websocket.NewClient(config, conn)
	if err != nil {
		return err
	}
	sizes := []int{1, 125, 126, 65535, 65536, 300000}
	for _, size := range sizes {
		sent := strings.Repeat("x", size)
		if err := websocket.Message.Send(socket, sent); err != nil {
			return err
		}
		var echoed string
		for len(echoed) < len(sent) { // the echo may come in other frames than the message went out in
			var part string
			if err := websocket.Message.Receive(socket, &part); err != nil {
				return err
			}
			echoed += part
		}
		if echoed != sent {
			return fmt.Errorf("a message of %d bytes came back changed", size)
		}
	}
	report(map[string]any{"echoed": sizes})
	return nil
}
