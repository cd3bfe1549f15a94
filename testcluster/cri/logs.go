package cri

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"
)

// logFile writes what a container prints, in the format the kubelet reads:
// time, stream, F for a full line, text.
type logFile struct {
	path string
	lock sync.Mutex
}

// logStream is the writer of one stream of a container; it keeps the begun line.
type logStream struct {
	file *logFile
	name string
	rest []byte
}

func (s *logStream) Write(text []byte) (int, error) {
	s.rest = append(s.rest, text...)
	end := bytes.LastIndexByte(s.rest, '\n')
	if end < 0 {
		return len(text), nil
	}
	lines := s.rest[:end]
	s.rest = append([]byte(nil), s.rest[end+1:]...)
	return len(text), s.file.append(s.name, bytes.Split(lines, []byte("\n")))
}

// flush writes a last line that did not end.
func (s *logStream) flush() {
	if len(s.rest) > 0 {
		_, _ = s.Write([]byte("\n"))
	}
}

// append opens the file by name each time, so that a rotated one is left alone.
func (f *logFile) append(stream string, lines [][]byte) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	var buffer bytes.Buffer
	for _, line := range lines {
		fmt.Fprintf(&buffer, "%s %s F %s\n", time.Now().UTC().Format(time.RFC3339Nano), stream, line)
	}
	_, err = file.Write(buffer.Bytes())
	return err
}
