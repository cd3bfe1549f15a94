package cri

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	api "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Image is what stands behind an image name here: a local command.
type Image struct {
	Entrypoint []string          `json:"entrypoint"`     // as in a Dockerfile; a pod's command replaces it
	Arguments  []string          `json:"args,omitempty"` // as CMD in a Dockerfile; a pod's args replace them
	Env        map[string]string `json:"env,omitempty"`  //
	User       int64             `json:"user,omitempty"` // numeric, 0 is root
	Directory  string            `json:"workdir,omitempty"`
	Binds      []string          `json:"binds,omitempty"` // host directories on other file systems that it needs to see
}

// images answers the kubelet's questions about images from the table: a JSON
// object from image name to Image. A name without tag and digest stands for
// all of them. The file is read again for each question, so it may change.
type images struct {
	api.UnimplementedImageServiceServer
	table string
}

func (i *images) find(reference string) (*Image, error) {
	content, err := os.ReadFile(i.table)
	if err != nil {
		return nil, err
	}
	known := map[string]*Image{}
	if err := json.Unmarshal(content, &known); err != nil {
		return nil, fmt.Errorf("%s: %w", i.table, err)
	}
	if image := known[reference]; image != nil {
		return image, nil
	}
	return known[repository(reference)], nil
}

// repository is the reference without its tag and digest.
func repository(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name
}

func (i *images) ImageStatus(_ context.Context, request *api.ImageStatusRequest) (*api.ImageStatusResponse, error) {
	reference := request.GetImage().GetImage()
	image, err := i.find(reference)
	if err != nil || image == nil {
		return &api.ImageStatusResponse{}, err
	}
	return &api.ImageStatusResponse{Image: &api.Image{
		Id: reference, RepoTags: []string{reference}, Size: 1, Spec: request.GetImage(),
		Uid: &api.Int64Value{Value: image.User},
	}}, nil
}

// PullImage has nothing to pull: the image is in the table, or it is refused
// and the kubelet says so in an event of the pod.
func (i *images) PullImage(_ context.Context, request *api.PullImageRequest) (*api.PullImageResponse, error) {
	reference := request.GetImage().GetImage()
	image, err := i.find(reference)
	if err != nil {
		return nil, err
	}
	if image == nil {
		return nil, status.Errorf(codes.NotFound, "refused: no local command stands for image %q", reference)
	}
	return &api.PullImageResponse{ImageRef: reference}, nil
}

func (i *images) ListImages(context.Context, *api.ListImagesRequest) (*api.ListImagesResponse, error) {
	return &api.ListImagesResponse{}, nil
}

func (i *images) ImageFsInfo(context.Context, *api.ImageFsInfoRequest) (*api.ImageFsInfoResponse, error) {
	return &api.ImageFsInfoResponse{}, nil
}
