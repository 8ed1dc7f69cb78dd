// The lab's stand-in for crictl 1.20: a small client of the container runtime interface.
//
// It is not the real crictl. It talks the same protocol to the same socket and knows the verbs that
// kubeadm calls during init, join and reset, and those with which people look at a host.
// Compiled inside the Kubernetes 1.20 tree, whose vendor directory has all it imports.
package main

import (
	"context"
	"encoding/json"
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

// flagsFor accepts flags before and between the words of a verb, as the real one does.
func flagsFor(name string, arguments []string, declare func(*flag.FlagSet)) ([]string, error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	if declare != nil {
		declare(flags)
	}
	var words []string
	for {
		if err := flags.Parse(arguments); err != nil {
			return nil, err
		}
		arguments = flags.Args()
		if len(arguments) == 0 {
			return words, nil
		}
		words, arguments = append(words, arguments[0]), arguments[1:]
	}
}

// camel writes the keys of an answer as the real crictl does: repoTags, where Go's field tags say repo_tags.
func camel(value interface{}) interface{} {
	switch known := value.(type) {
	case []interface{}:
		for i := range known {
			known[i] = camel(known[i])
		}
	case map[string]interface{}:
		renamed := map[string]interface{}{}
		for key, inner := range known {
			words := strings.Split(key, "_")
			renamed[words[0]+strings.ReplaceAll(strings.Title(strings.Join(words[1:], " ")), " ", "")] = camel(inner)
		}
		return renamed
	}
	return value
}

func printJSON(key string, answer interface{}) error {
	plain, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	var value interface{}
	if err := json.Unmarshal(plain, &value); err != nil {
		return err
	}
	return printPlain(map[string]interface{}{key: camel(value)})
}

func printPlain(value interface{}) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil {
		fmt.Println(string(text))
	}
	return err
}

func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > shortID {
		return id[:shortID]
	}
	return id
}

func age(nanoseconds int64) string {
	return time.Since(time.Unix(0, nanoseconds)).Round(time.Second).String() + " ago"
}

func (c *runtimeClient) row(cells ...string) { fmt.Fprintln(c.out, strings.Join(cells, "\t")) }

func version(ctx context.Context, client *runtimeClient, _ []string) error {
	found, err := client.Version(ctx, &cri.VersionRequest{})
	if err != nil {
		return err
	}
	client.row("Version: ", found.Version)
	client.row("RuntimeName: ", found.RuntimeName)
	client.row("RuntimeVersion: ", found.RuntimeVersion)
	client.row("RuntimeApiVersion: ", found.RuntimeApiVersion)
	return nil
}

func info(ctx context.Context, client *runtimeClient, _ []string) error {
	found, err := client.Status(ctx, &cri.StatusRequest{Verbose: true})
	if err != nil {
		return err
	}
	whole := map[string]interface{}{"status": found.Status}
	for name, text := range found.Info {
		var value interface{}
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		whole[name] = value
	}
	return printPlain(whole)
}

func images(ctx context.Context, client *runtimeClient, arguments []string) error {
	var quiet bool
	var output string
	words, err := flagsFor("images", arguments, func(flags *flag.FlagSet) {
		flags.BoolVar(&quiet, "q", false, "only ids")
		flags.BoolVar(&quiet, "quiet", false, "only ids")
		flags.StringVar(&output, "o", "", "json or table")
		flags.StringVar(&output, "output", "", "json or table")
	})
	if err != nil {
		return err
	}
	request := &cri.ListImagesRequest{}
	if len(words) > 0 {
		request.Filter = &cri.ImageFilter{Image: &cri.ImageSpec{Image: words[0]}}
	}
	found, err := client.images.ListImages(ctx, request)
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON("images", found.Images)
	}
	if !quiet {
		client.row("IMAGE", "TAG", "IMAGE ID", "SIZE")
	}
	for _, image := range found.Images {
		if quiet {
			client.row(image.Id)
			continue
		}
		for _, ref := range image.RepoTags {
			at := strings.LastIndex(ref, ":")
			client.row(ref[:at], ref[at+1:], short(image.Id), fmt.Sprintf("%.1fMB", float64(image.Size_)/1e6))
		}
	}
	return nil
}

func inspectImage(ctx context.Context, client *runtimeClient, arguments []string) error {
	var output string
	words, err := flagsFor("inspecti", arguments, func(flags *flag.FlagSet) {
		flags.StringVar(&output, "o", "json", "json")
		flags.StringVar(&output, "output", "json", "json")
	})
	if err != nil {
		return err
	}
	for _, word := range words {
		found, err := client.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: word}})
		if err != nil {
			return err
		}
		if found.Image == nil {
			return fmt.Errorf("no such image %q present", word)
		}
		if err := printJSON("status", found.Image); err != nil {
			return err
		}
	}
	return nil
}

func pull(ctx context.Context, client *runtimeClient, arguments []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), pullTimeout)
	defer cancel()
	for _, word := range arguments {
		found, err := client.images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: word}})
		if err != nil {
			return fmt.Errorf("pulling image: %v", err)
		}
		fmt.Printf("Image is up to date for %s\n", found.ImageRef)
	}
	return nil
}

func pods(ctx context.Context, client *runtimeClient, arguments []string) error {
	var quiet bool
	if _, err := flagsFor("pods", arguments, func(flags *flag.FlagSet) {
		flags.BoolVar(&quiet, "q", false, "only ids")
		flags.BoolVar(&quiet, "quiet", false, "only ids")
	}); err != nil {
		return err
	}
	found, err := client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	if !quiet {
		client.row("POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT")
	}
	for _, pod := range found.Items {
		if quiet {
			client.row(pod.Id)
			continue
		}
		state := strings.Title(strings.ToLower(strings.TrimPrefix(pod.State.String(), "SANDBOX_")))
		about := pod.Metadata
		client.row(short(pod.Id), age(pod.CreatedAt), state, about.Name, about.Namespace, fmt.Sprint(about.Attempt))
	}
	return nil
}

func containers(ctx context.Context, client *runtimeClient, arguments []string) error {
	var quiet, all bool
	if _, err := flagsFor("ps", arguments, func(flags *flag.FlagSet) {
		flags.BoolVar(&quiet, "q", false, "only ids")
		flags.BoolVar(&quiet, "quiet", false, "only ids")
		flags.BoolVar(&all, "a", false, "also those that do not run")
		flags.BoolVar(&all, "all", false, "also those that do not run")
	}); err != nil {
		return err
	}
	request := &cri.ListContainersRequest{}
	if !all {
		running := cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
		request.Filter = &cri.ContainerFilter{State: &running}
	}
	found, err := client.ListContainers(ctx, request)
	if err != nil {
		return err
	}
	if !quiet {
		client.row("CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID")
	}
	for _, one := range found.Containers {
		if quiet {
			client.row(one.Id)
			continue
		}
		state := strings.Title(strings.ToLower(strings.TrimPrefix(one.State.String(), "CONTAINER_")))
		client.row(short(one.Id), short(one.Image.Image), age(one.CreatedAt), state, one.Metadata.Name,
			fmt.Sprint(one.Metadata.Attempt), short(one.PodSandboxId))
	}
	return nil
}

// each calls `act` for every id among the arguments; the flags of the real crictl that hurry things are taken as read.
func each(name string, arguments []string, done string, act func(id string) error) error {
	var force bool
	var timeout int
	ids, err := flagsFor(name, arguments, func(flags *flag.FlagSet) {
		flags.BoolVar(&force, "f", false, "also when running")
		flags.BoolVar(&force, "force", false, "also when running")
		flags.IntVar(&timeout, "t", 0, "seconds to wait")
		flags.IntVar(&timeout, "timeout", 0, "seconds to wait")
	})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return fmt.Errorf("%s: at least one id was expected", name)
	}
	for _, id := range ids {
		if err := act(id); err != nil {
			return err
		}
		fmt.Printf("%s %s\n", done, id)
	}
	return nil
}

func stopPods(ctx context.Context, client *runtimeClient, arguments []string) error {
	return each("stopp", arguments, "Stopped sandbox", func(id string) error {
		_, err := client.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
		return err
	})
}

func removePods(ctx context.Context, client *runtimeClient, arguments []string) error {
	return each("rmp", arguments, "Removed sandbox", func(id string) error {
		if _, err := client.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id}); err != nil {
			return err
		}
		_, err := client.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
		return err
	})
}

func stopContainers(ctx context.Context, client *runtimeClient, arguments []string) error {
	return each("stop", arguments, "Stopped", func(id string) error {
		_, err := client.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id})
		return err
	})
}

func removeContainers(ctx context.Context, client *runtimeClient, arguments []string) error {
	return each("rm", arguments, "Removed", func(id string) error {
		_, err := client.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: id})
		return err
	})
}

func removeImages(ctx context.Context, client *runtimeClient, arguments []string) error {
	return each("rmi", arguments, "Deleted:", func(id string) error {
		_, err := client.images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: id}})
		return err
	})
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
