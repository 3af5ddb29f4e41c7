// Uploads with go-tus what its arguments say: endpoint, file, chunk size, and "override" for POST instead of PATCH.
// It stops half way, asks as another process would, and goes on. Prints the upload's URL.
package main

import (
	"fmt"
	"os"
	"strconv"

	tus "github.com/eventials/go-tus"
	"github.com/eventials/go-tus/memorystore"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	store, err := memorystore.NewMemoryStore()
	must(err)
	config := tus.DefaultConfig()
	config.Resume, config.Store = true, store
	config.ChunkSize, err = strconv.ParseInt(os.Args[3], 10, 64)
	must(err)
	config.OverridePatchMethod = len(os.Args) > 4
	client, err := tus.NewClient(os.Args[1], config)
	must(err)
	file, err := os.Open(os.Args[2])
	must(err)
	upload, err := tus.NewUploadFromFile(file)
	must(err)
	uploader, err := client.CreateUpload(upload)
	must(err)
	must(uploader.UploadChunck())
	uploader, err = client.ResumeUpload(upload)
	must(err)
	must(uploader.Upload())
	fmt.Println(uploader.Url())
}
