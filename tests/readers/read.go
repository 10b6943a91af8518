package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"

	"github.com/linkedin/goavro"
)

type row struct {
	Path   string   `json:"path"`
	Error  string   `json:"error,omitempty"`
	Datums []string `json:"datums"`
}

func read(path string) (found row) {
	found.Path = path
	file, err := os.Open(path)
	if err != nil {
		found.Error = err.Error()
		return
	}
	defer file.Close()
	reader, err := goavro.NewOCFReader(file)
	for err == nil && reader.Scan() {
		var datum interface{}
		var bytes []byte
		if datum, err = reader.Read(); err == nil {
			if bytes, err = reader.Codec().BinaryFromNative(nil, datum); err == nil {
				found.Datums = append(found.Datums, hex.EncodeToString(bytes))
			}
		}
	}
	if err == nil {
		err = reader.Err()
	}
	if err != nil {
		found.Error = err.Error()
	}
	return
}

func main() {
	paths := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for paths.Scan() {
		out.Encode(read(paths.Text()))
	}
}
