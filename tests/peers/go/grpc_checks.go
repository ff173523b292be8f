package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var grpcChecks = []struct {
	name string
	run  func(context.Context, *grpc.ClientConn) error
}{
	{"unary with header and trailer", checkUnary},
	{"unary of one megabyte", checkLarge},
	{"error status with trailer", checkFail},
	{"unknown method", checkUnknown},
	{"server streaming", checkCount},
	{"client streaming", checkJoin},
	{"bidirectional, one message at a time", checkChat},
	{"deadline reaches the server", checkDeadline},
	{"cancellation leaves the connection usable", checkCancel},
}

func checkUnary(ctx context.Context, conn *grpc.ClientConn) error {
	var header, trailer metadata.MD
	var out text
	ctx = metadata.AppendToOutgoingContext(ctx, "x-sent-bin", "\x00\xff\n")
	err := conn.Invoke(ctx, "/"+service+"/Unary", wrapperspb.String("ping"), &out, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return err
	}
	if out.GetValue() != "ping" || one(header, "x-header") != "first" || one(trailer, "x-trailer") != "last" {
		return fmt.Errorf("got %q, header %v, trailer %v", out.GetValue(), header, trailer)
	}
	if one(trailer, "x-seen-bin") != "\x00\xff\n" {
		return fmt.Errorf("binary metadata came back as %q", one(trailer, "x-seen-bin"))
	}
	return nil
}

func checkLarge(ctx context.Context, conn *grpc.ClientConn) error {
	sent := strings.Repeat("0123456789abcdef", 1<<16)
	var out text
	if err := conn.Invoke(ctx, "/"+service+"/Unary", wrapperspb.String(sent), &out); err != nil {
		return err
	}
	if out.GetValue() != sent {
		return fmt.Errorf("%d of %d bytes came back", len(out.GetValue()), len(sent))
	}
	return nil
}

func checkFail(ctx context.Context, conn *grpc.ClientConn) error {
	var trailer metadata.MD
	var out text
	err := conn.Invoke(ctx, "/"+service+"/Fail", wrapperspb.String(""), &out, grpc.Trailer(&trailer))
	if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "not today: ½ %" {
		return fmt.Errorf("status %v", err)
	}
	if one(trailer, "x-trailer") != "with an error" {
		return fmt.Errorf("trailer %v", trailer)
	}
	return nil
}

func checkUnknown(ctx context.Context, conn *grpc.ClientConn) error {
	var out text
	err := conn.Invoke(ctx, "/"+service+"/Nothing", wrapperspb.String(""), &out)
	if status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("status %v", err)
	}
	return nil
}

func checkCount(ctx context.Context, conn *grpc.ClientConn) error {
	stream, err := conn.NewStream(ctx, &echoService.Streams[0], "/"+service+"/Count")
	if err != nil {
		return err
	}
	if err := stream.SendMsg(wrapperspb.String("n")); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for i := 0; ; i++ {
		var out text
		err := stream.RecvMsg(&out)
		if errors.Is(err, io.EOF) {
			if i != 100 || one(stream.Trailer(), "x-trailer") != "counted" {
				return fmt.Errorf("%d messages, trailer %v", i, stream.Trailer())
			}
			return nil
		}
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("n %d", i); out.GetValue() != want {
			return fmt.Errorf("got %q instead of %q", out.GetValue(), want)
		}
	}
}

func checkJoin(ctx context.Context, conn *grpc.ClientConn) error {
	stream, err := conn.NewStream(ctx, &echoService.Streams[1], "/"+service+"/Join")
	if err != nil {
		return err
	}
	var want strings.Builder
	for i := range 100 {
		part := fmt.Sprintf("[%d]", i)
		want.WriteString(part)
		if err := stream.SendMsg(wrapperspb.String(part)); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var out text
	if err := stream.RecvMsg(&out); err != nil {
		return err
	}
	if out.GetValue() != want.String() {
		return fmt.Errorf("got %q", out.GetValue())
	}
	return nil
}

// One message at a time: a proxy that waits for the end of the request before it forwards would hang here.
func checkChat(ctx context.Context, conn *grpc.ClientConn) error {
	stream, err := conn.NewStream(ctx, &echoService.Streams[2], "/"+service+"/Chat")
	if err != nil {
		return err
	}
	for i := range 20 {
		if err := stream.SendMsg(wrapperspb.String(fmt.Sprint(i))); err != nil {
			return err
		}
		var out text
		if err := stream.RecvMsg(&out); err != nil {
			return err
		}
		if want := fmt.Sprintf("re: %d", i); out.GetValue() != want {
			return fmt.Errorf("got %q instead of %q", out.GetValue(), want)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var out text
	if err := stream.RecvMsg(&out); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end came as %v", err)
	}
	return nil
}

func checkDeadline(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	var out text
	err := conn.Invoke(ctx, "/"+service+"/Slow", wrapperspb.String(""), &out)
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("status %v", err)
	}
	return nil
}

func checkCancel(ctx context.Context, conn *grpc.ClientConn) error {
	for range 5 {
		cancelled, cancel := context.WithCancel(ctx)
		stream, err := conn.NewStream(cancelled, &echoService.Streams[2], "/"+service+"/Chat")
		if err != nil {
			cancel()
			return err
		}
		err = stream.SendMsg(wrapperspb.String("then silence"))
		cancel()
		if err != nil {
			return err
		}
	}
	return checkUnary(ctx, conn)
}

func one(values metadata.MD, key string) string {
	return strings.Join(values.Get(key), "|")
}
