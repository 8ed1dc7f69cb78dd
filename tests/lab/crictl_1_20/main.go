// The lab's stand-in for crictl 1.20: a small client of the container runtime interface.
//
// It is not the real crictl. It talks the same protocol to the same socket and knows the verbs that
// kubeadm calls during init, join and reset, and those with which people look at a host.
// Compiled inside the Kubernetes 1.20 tree, whose vendor directory has all it imports.
package main

import (
	"context"
	"flag"
	"fmt"
	"io/ioutil"
	"net"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
	"sigs.k8s.io/yaml"
)

const (
	program         = "crictl version v1.20.0 (Slipway lab stand-in)"
	defaultEndpoint = "unix:///run/containerd/containerd.sock"
	defaultSettings = "/etc/crictl.yaml"
	defaultTimeout  = 20 * time.Second
	pullTimeout     = 10 * time.Minute
	shortID         = 13
	// Verbose answers of containerd carry its whole configuration.
	messageBytes = 16 << 20
)

type runtimeClient struct {
	cri.RuntimeServiceClient
	images cri.ImageServiceClient
	out    *tabwriter.Writer
}

type verb func(ctx context.Context, client *runtimeClient, arguments []string) error

var verbs = map[string]verb{
	"images":   images,
	"info":     info,
	"inspecti": inspectImage,
	"pods":     pods,
	"ps":       containers,
	"pull":     pull,
	"rm":       removeContainers,
	"rmi":      removeImages,
	"rmp":      removePods,
	"stop":     stopContainers,
	"stopp":    stopPods,
	"version":  version,
}

// endpointFrom reads the socket out of crictl.yaml; no file is no endpoint.
func endpointFrom(path string) (string, error) {
	text, err := ioutil.ReadFile(path)
	if os.IsNotExist(err) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	settings := struct {
		Runtime string `json:"runtime-endpoint"`
	}{}
	err = yaml.Unmarshal(text, &settings)
	return settings.Runtime, err
}

func firstOf(candidates ...string) string {
	for _, candidate := range candidates {
		if candidate != "" {
			return candidate
		}
	}
	return ""
}

func connect(ctx context.Context, endpoint string) (*runtimeClient, error) {
	path := strings.TrimPrefix(endpoint, "unix://")
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", address)
	}
	connection, err := grpc.DialContext(ctx, path, grpc.WithInsecure(), grpc.WithBlock(), grpc.FailOnNonTempDialError(true),
		grpc.WithContextDialer(dial), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytes)))
	if err != nil {
		return nil, fmt.Errorf("connect: %s: %v", endpoint, err)
	}
	return &runtimeClient{
		RuntimeServiceClient: cri.NewRuntimeServiceClient(connection),
		images:               cri.NewImageServiceClient(connection),
		out:                  tabwriter.NewWriter(os.Stdout, 8, 1, 5, ' ', 0),
	}, nil
}

func run() error {
	var endpoint, imageEndpoint, settings string
	var timeout time.Duration
	var debug, tell bool
	for _, name := range []string{"r", "runtime-endpoint"} {
		flag.StringVar(&endpoint, name, os.Getenv("CONTAINER_RUNTIME_ENDPOINT"), "socket of the container runtime")
	}
	for _, name := range []string{"i", "image-endpoint"} {
		flag.StringVar(&imageEndpoint, name, "", "taken, and the same as the runtime's")
	}
	for _, name := range []string{"c", "config"} {
		flag.StringVar(&settings, name, defaultSettings, "file that names the socket")
	}
	for _, name := range []string{"t", "timeout"} {
		flag.DurationVar(&timeout, name, defaultTimeout, "how long an answer may take")
	}
	for _, name := range []string{"D", "debug"} {
		flag.BoolVar(&debug, name, false, "taken, without effect")
	}
	for _, name := range []string{"v", "version"} {
		flag.BoolVar(&tell, name, false, "say what this is")
	}
	flag.Parse()
	if tell {
		fmt.Println(program)
		return nil
	}
	act, known := verbs[flag.Arg(0)]
	if !known {
		return fmt.Errorf("the lab's crictl stand-in does not know the verb %q", flag.Arg(0))
	}
	configured, err := endpointFrom(settings)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	client, err := connect(ctx, firstOf(endpoint, configured, defaultEndpoint))
	if err != nil {
		return err
	}
	defer client.out.Flush()
	return act(ctx, client, flag.Args()[1:])
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
