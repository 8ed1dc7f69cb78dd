// Answers as JSON, with the keys the real crictl writes.
package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

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
