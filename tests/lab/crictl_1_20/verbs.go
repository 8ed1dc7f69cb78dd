// The verbs: each asks the runtime one thing and prints the answer as crictl does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
)

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
