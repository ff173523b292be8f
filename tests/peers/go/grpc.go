package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The service is declared by hand, so that no generated code lies in the tree: four methods over StringValue.
const service = "jadegate.test.Echo"

type text = wrapperspb.StringValue

var echoService = grpc.ServiceDesc{
	ServiceName: service,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "Unary", Handler: unary},
		{MethodName: "Fail", Handler: fail},
		{MethodName: "Slow", Handler: slow},
	},
	Streams: []grpc.StreamDesc{
		{StreamName: "Count", Handler: count, ServerStreams: true},
		{StreamName: "Join", Handler: join, ClientStreams: true},
		{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true},
	},
}

func unary(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in text
	if err := decode(&in); err != nil {
		return nil, err
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-header", "first"))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "last", "x-seen-bin", strings.Join(incoming.Get("x-sent-bin"), "")))
	return &in, nil
}

func fail(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in text
	if err := decode(&in); err != nil {
		return nil, err
	}
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "with an error"))
	// Percent-encoded on the wire: a proxy must not touch it.
	return nil, status.Error(codes.FailedPrecondition, "not today: ½ %")
}

func slow(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in text
	if err := decode(&in); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(30 * time.Second):
		return &in, nil
	}
}

func count(_ any, stream grpc.ServerStream) error {
	var in text
	if err := stream.RecvMsg(&in); err != nil {
		return err
	}
	for i := range 100 {
		if err := stream.SendMsg(wrapperspb.String(fmt.Sprintf("%s %d", in.GetValue(), i))); err != nil {
			return err
		}
	}
	stream.SetTrailer(metadata.Pairs("x-trailer", "counted"))
	return nil
}

func join(_ any, stream grpc.ServerStream) error {
	var all strings.Builder
	for {
		var in text
		err := stream.RecvMsg(&in)
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(wrapperspb.String(all.String()))
		}
		if err != nil {
			return err
		}
		all.WriteString(in.GetValue())
	}
}

func chat(_ any, stream grpc.ServerStream) error {
	for {
		var in text
		err := stream.RecvMsg(&in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(wrapperspb.String("re: " + in.GetValue())); err != nil {
			return err
		}
	}
}

func grpcServer(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("listen", "127.0.0.1:0", "address")
	cert := flags.String("cert", "", "certificate, PEM; none for h2c")
	key := flags.String("key", "", "its key, PEM")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	var options []grpc.ServerOption
	if *cert != "" {
		files, err := credentials.NewServerTLSFromFile(*cert, *key)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(files))
	}
	listener, err := listen(*address)
	if err != nil {
		return err
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&echoService, nil)
	return server.Serve(listener)
}

// grpcClient walks through every kind of call and reports each; one that fails makes the exit code 1.
func grpcClient(flags *flag.FlagSet, arguments []string) error {
	address := flags.String("connect", "", "address")
	name := flags.String("name", "localhost", "server name and authority")
	ca := flags.String("ca", "", "trusted roots, PEM; none for h2c")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	security := insecure.NewCredentials()
	if *ca != "" {
		config, err := clientTLS(*name, *ca)
		if err != nil {
			return err
		}
		security = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient("passthrough:///"+*address, grpc.WithTransportCredentials(security), grpc.WithAuthority(*name))
	if err != nil {
		return err
	}
	defer conn.Close()

	var failed []string
	for _, check := range grpcChecks {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err := check.run(ctx, conn)
		cancel()
		facts := map[string]any{"call": check.name, "ok": err == nil}
		if err != nil {
			facts["error"] = err.Error()
			failed = append(failed, check.name)
		}
		report(facts)
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}
