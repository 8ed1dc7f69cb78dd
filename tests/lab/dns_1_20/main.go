// The lab's stand-in for CoreDNS: a small DNS server for the services of a cluster.
//
// It is not CoreDNS. It reads the two things it needs from the Corefile kubeadm writes (the port
// and the cluster's domain), watches Services and Endpoints, answers A lookups for
// <service>.<namespace>.svc.<domain>, and hands every other name to the servers of /etc/resolv.conf.
// Compiled inside the Kubernetes 1.20 tree, whose vendor directory has all it imports.
package main

import (
	"bufio"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	ttlSeconds     = 30
	forwardTimeout = 2 * time.Second
	// A first connection made before kube-proxy has written its rules never arrives, however long it is
	// retried, because the kernel remembers it as one that needs no translation. A new one does arrive.
	dialTimeout = 2 * time.Second
)

type server struct {
	domain    string // ends with a dot
	services  listers.ServiceLister
	endpoints listers.EndpointsLister
	upstreams []string
	client    *dns.Client
	synced    []cache.InformerSynced
}

// readCorefile finds the port of the first server block and the domain of its kubernetes plugin.
func readCorefile(path string) (port, domain string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	port, domain = "53", "cluster.local."
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(strings.ReplaceAll(lines.Text(), "{", " "))
		if len(words) == 0 {
			continue
		}
		if strings.HasPrefix(words[0], ".:") {
			port = strings.TrimPrefix(words[0], ".:")
		}
		if words[0] == "kubernetes" && len(words) > 1 {
			domain = dns.Fqdn(strings.ToLower(words[1]))
		}
	}
	return port, domain, lines.Err()
}

func (s *server) ready() bool {
	for _, done := range s.synced {
		if !done() {
			return false
		}
	}
	return true
}

// addresses returns the addresses of a service or of one named endpoint of a headless service,
// and whether the name exists at all.
func (s *server) addresses(parts []string) ([]string, bool) {
	endpoint := ""
	if len(parts) == 3 {
		endpoint, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 {
		return nil, false
	}
	service, err := s.services.Services(parts[1]).Get(parts[0])
	if err != nil {
		return nil, false
	}
	if service.Spec.ClusterIP != v1.ClusterIPNone {
		return []string{service.Spec.ClusterIP}, endpoint == ""
	}
	slices, err := s.endpoints.Endpoints(parts[1]).Get(parts[0])
	if err != nil {
		return nil, endpoint == ""
	}
	var found []string
	for _, subset := range slices.Subsets {
		for _, address := range subset.Addresses {
			dashed := strings.ReplaceAll(address.IP, ".", "-")
			if endpoint == "" || endpoint == address.Hostname || endpoint == dashed {
				found = append(found, address.IP)
			}
		}
	}
	return found, endpoint == "" || len(found) > 0
}

func (s *server) namespaceExists(name string) bool {
	all, err := s.services.Services(name).List(labels.Everything())
	return err == nil && len(all) > 0
}

func (s *server) soa() dns.RR {
	return &dns.SOA{
		Hdr:    dns.RR_Header{Name: s.domain, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttlSeconds},
		Ns:     "ns.dns." + s.domain,
		Mbox:   "hostmaster." + s.domain,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttlSeconds,
	}
}

func (s *server) answerCluster(question dns.Question, reply *dns.Msg) {
	reply.Authoritative = true
	inner := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(question.Name), s.domain), ".")
	parts := strings.Split(inner, ".")
	exists := inner == "" || inner == "svc"
	var found []string
	if last := len(parts) - 1; last >= 1 && parts[last] == "svc" {
		if last == 1 {
			exists = s.namespaceExists(parts[0])
		} else {
			found, exists = s.addresses(parts[:last])
		}
	}
	if question.Qtype == dns.TypeA || question.Qtype == dns.TypeANY {
		for _, address := range found {
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttlSeconds}
			reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: net.ParseIP(address)})
		}
	}
	if !exists {
		reply.Rcode = dns.RcodeNameError
	}
	if len(reply.Answer) == 0 {
		reply.Ns = append(reply.Ns, s.soa())
	}
}

func (s *server) forward(request *dns.Msg) *dns.Msg {
	for _, upstream := range s.upstreams {
		if answer, _, err := s.client.Exchange(request, upstream); err == nil {
			return answer
		}
	}
	return nil
}

func (s *server) ServeDNS(writer dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(request)
	reply.RecursionAvailable = true
	switch {
	case len(request.Question) != 1:
		reply.Rcode = dns.RcodeFormatError
	case dns.IsSubDomain(s.domain, strings.ToLower(request.Question[0].Name)):
		s.answerCluster(request.Question[0], reply)
	default:
		if answer := s.forward(request); answer != nil {
			answer.Id = request.Id
			reply = answer
		} else {
			reply.Rcode = dns.RcodeServerFailure
		}
	}
	if err := writer.WriteMsg(reply); err != nil {
		log.Printf("answer to %s was not sent: %v", writer.RemoteAddr(), err)
	}
}

func upstreamServers() []string {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	var found []string
	for _, address := range config.Servers {
		if ip := net.ParseIP(address); ip != nil && !ip.IsLoopback() {
			found = append(found, net.JoinHostPort(address, config.Port))
		}
	}
	return found
}

func serveStatus(address, path string, good func() bool) {
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(writer http.ResponseWriter, _ *http.Request) {
		if !good() {
			writer.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		writer.Write([]byte("OK"))
	})
	log.Fatal(http.ListenAndServe(address, mux))
}

func main() {
	corefile := flag.String("conf", "Corefile", "Corefile to read the port and the cluster's domain from")
	flag.Parse()
	port, domain, err := readCorefile(*corefile)
	if err != nil {
		log.Fatal(err)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	config.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	services, endpoints := factory.Core().V1().Services(), factory.Core().V1().Endpoints()
	s := &server{
		domain:    domain,
		services:  services.Lister(),
		endpoints: endpoints.Lister(),
		upstreams: upstreamServers(),
		client:    &dns.Client{Timeout: forwardTimeout},
		synced:    []cache.InformerSynced{services.Informer().HasSynced, endpoints.Informer().HasSynced},
	}
	factory.Start(make(chan struct{}))
	go serveStatus(":8080", "/health", func() bool { return true })
	go serveStatus(":8181", "/ready", s.ready)
	log.Printf("Slipway lab stand-in for CoreDNS: %s on port %s, others go to %v", domain, port, s.upstreams)
	for _, network := range []string{"udp", "tcp"} {
		go func(network string) {
			log.Fatal((&dns.Server{Addr: ":" + port, Net: network, Handler: s}).ListenAndServe())
		}(network)
	}
	select {}
}
