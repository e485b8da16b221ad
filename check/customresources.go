package check

import (
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// customResource is a row of the table of custom resources that have a policy field of their own. A pod template
// inside a custom resource needs no row, because the walker finds it. An object that writes neither an image nor a
// policy has nothing to check: its operator chooses both.
//
// For example, the row of the kind Cluster in postgresql.cnpg.io has at "spec", images "imageName" and policy
// "imagePullPolicy". So spec.imageName is an image, and spec.imagePullPolicy is its policy.
type customResource struct {
	group string
	kinds []string
	// at are the paths of the mappings that hold images and policy. An element that ends in [] is a list: each item of the
	// list counts.
	at []string
	// images are the paths of the images, from a mapping of at.
	images []string
	// tag is the path of the tag, if the resource splits its image into a repository and a tag. Then images has the one
	// path of the repository.
	tag string
	// policy is the key of the policy, in a mapping of at.
	policy string
	// unset is the policy that the operator sets if no policy is written. It is empty if the operator sets none and the
	// API server decides.
	unset string
	// volume is true if the image is mounted and not run.
	volume bool
	// source is the line of code that defines the fields, or that sets the operator's default.
	source string
}

// imageField and policyField are the names that most operators use, as in a container of a pod.
var imageField = []string{"image"}

const policyField = "imagePullPolicy"

// customResources is the table, sorted by group. Each row was read in the code that its source names.
var customResources = []customResource{
	{
		group: "actions.summerwind.dev", kinds: []string{"Runner"},
		at: []string{"spec"}, images: imageField, policy: policyField, unset: Always,
		source: "https://github.com/actions/actions-runner-controller/blob/2ee6b3b8e8d2781c2f2bd4f0033fbb436465c5c1/controllers/actions.summerwind.net/runner_controller.go#L967",
	},
	{
		group: "actions.summerwind.dev", kinds: []string{"RunnerDeployment", "RunnerReplicaSet"},
		at: []string{"spec.template.spec"}, images: imageField, policy: policyField, unset: Always,
		source: "https://github.com/actions/actions-runner-controller/blob/2ee6b3b8e8d2781c2f2bd4f0033fbb436465c5c1/apis/actions.summerwind.net/v1alpha1/runner_types.go#L108",
	},
	{
		group: "apps.emqx.io", kinds: []string{"EMQX"},
		at: []string{"spec"}, images: imageField, policy: policyField,
		source: "https://github.com/emqx/emqx-operator/blob/2ca6a10d73e14bdaada8ee95603ddeddf114302d/apis/apps/v2beta1/emqx_types.go#L55",
	},
	{
		group: "argoproj.io", kinds: []string{"EventBus"},
		at: []string{
			"spec.jetstream.containerTemplate", "spec.jetstream.reloaderContainerTemplate",
			"spec.jetstream.metricsContainerTemplate",
			"spec.nats.native.containerTemplate", "spec.nats.native.metricsContainerTemplate",
		},
		policy: policyField,
		source: "https://github.com/argoproj/argo-events/blob/6478ece495f951dde9f183ae58fde134c52f41a5/pkg/apis/events/v1alpha1/container_template.go#L10",
	},
	{
		group: "argoproj.io", kinds: []string{"EventSource", "Sensor"},
		// Releases since 1.9.6 ignore the image and the policy here and use Always. Older releases use both.
		at: []string{"spec.template.container"}, images: imageField, policy: policyField, unset: Always,
		source: "https://github.com/argoproj/argo-events/blob/6478ece495f951dde9f183ae58fde134c52f41a5/pkg/apis/events/v1alpha1/template.go#L71",
	},
	{
		group: "ceph.rook.io", kinds: []string{"CephCluster"},
		at: []string{"spec.cephVersion"}, images: imageField, policy: policyField, unset: IfNotPresent,
		source: "https://github.com/rook/rook/blob/d0c3b9ce6d64ff0c47074437aab7314b7adf7f2c/pkg/operator/ceph/controller/spec.go#L1001",
	},
	{
		group: "databases.spotahome.com", kinds: []string{"RedisFailover"},
		at:     []string{"spec.redis", "spec.redis.exporter", "spec.sentinel", "spec.sentinel.exporter"},
		images: imageField, policy: policyField, unset: Always,
		source: "https://github.com/spotahome/redis-operator/blob/632aa3da88ee2a28ccb9fc4f571ddcb556dbd713/operator/redisfailover/service/generator.go#L1082",
	},
	{
		group: "dragonflydb.io", kinds: []string{"Dragonfly"},
		at: []string{"spec"}, images: imageField, policy: policyField, unset: Always,
		source: "https://github.com/dragonflydb/dragonfly-operator/blob/b28637d78d828f80a3b3fd76acaa2dd6e3c28603/api/v1alpha1/dragonfly_types.go#L43",
	},
	{
		group: "flink.apache.org", kinds: []string{"FlinkDeployment"},
		at: []string{"spec"}, images: imageField, policy: policyField,
		// The operator leaves it to kubernetes.container.image.pull-policy, for which Flink has this default.
		unset:  IfNotPresent,
		source: "https://github.com/apache/flink-kubernetes-operator/blob/6e9caeb48118934f4311534725196c52159eaa21/flink-kubernetes-operator/src/main/java/org/apache/flink/kubernetes/operator/config/FlinkConfigBuilder.java#L133",
	},
	{
		group: "k8s.mariadb.com", kinds: []string{"MariaDB", "MaxScale"},
		at: []string{
			"spec", "spec.galera.agent", "spec.galera.initContainer", "spec.replication.agent", "spec.replication.initContainer",
			"spec.metrics.exporter", "spec.sidecarContainers[]",
		},
		images: imageField, policy: policyField,
		source: "https://github.com/mariadb-operator/mariadb-operator/blob/8970edf8368c74178e521f3dc2e9df4131888c77/api/v1alpha1/mariadb_types.go#L648",
	},
	{
		group: "kubevirt.io", kinds: []string{"VirtualMachine", "VirtualMachineInstanceReplicaSet"},
		at: []string{
			"spec.template.spec.volumes[].containerDisk", "spec.template.spec.domain.firmware.kernelBoot.container",
		},
		images: imageField, policy: policyField,
		source: "https://github.com/kubevirt/kubevirt/blob/d923fdb815cd2016ddaebdaaa51db04133576d72/staging/src/kubevirt.io/api/core/v1/schema.go#L1075",
	},
	{
		group: "kubevirt.io", kinds: []string{"VirtualMachineInstance"},
		at:     []string{"spec.volumes[].containerDisk", "spec.domain.firmware.kernelBoot.container"},
		images: imageField, policy: policyField,
		source: "https://github.com/kubevirt/kubevirt/blob/d923fdb815cd2016ddaebdaaa51db04133576d72/staging/src/kubevirt.io/api/core/v1/schema.go#L1075",
	},
	{
		group: "logging.banzaicloud.io", kinds: []string{"FluentbitAgent", "FluentdConfig"},
		at: []string{"spec.image"}, images: []string{"repository"}, tag: "tag", policy: "pullPolicy", unset: IfNotPresent,
		source: "https://github.com/kube-logging/logging-operator/blob/51679aa50c20c8bfa2807862cef32bca4bd0cd0e/pkg/sdk/logging/api/v1beta1/logging_types.go#L311",
	},
	{
		group: "logging.banzaicloud.io", kinds: []string{"Logging"},
		at: []string{"spec.fluentbit.image", "spec.fluentd.image"}, images: []string{"repository"}, tag: "tag",
		policy: "pullPolicy", unset: IfNotPresent,
		source: "https://github.com/kube-logging/logging-operator/blob/51679aa50c20c8bfa2807862cef32bca4bd0cd0e/pkg/sdk/logging/api/v1beta1/fluentd_types.go#L163",
	},
	{
		group: "minio.min.io", kinds: []string{"Tenant"},
		at: []string{"spec", "spec.kes"}, images: imageField, policy: policyField, unset: IfNotPresent,
		source: "https://github.com/minio/operator/blob/0ee2c254677e2173e630b07bf93b90517d8d09b9/pkg/apis/minio.min.io/v2/helper.go#L318",
	},
	{
		group: "monitoring.coreos.com", kinds: []string{"Alertmanager", "Prometheus", "PrometheusAgent", "ThanosRuler"},
		at: []string{"spec"}, images: []string{"image", "thanos.image"}, policy: policyField,
		source: "https://github.com/prometheus-operator/prometheus-operator/blob/6adcebc5076c34f4f55f8f5f7b1e528929373ac7/pkg/apis/monitoring/v1/prometheus_types.go#L252",
	},
	{
		group: "numaflow.numaproj.io", kinds: []string{"MonoVertex"},
		at: []string{
			"spec.udf.container", "spec.source.udsource.container",
			"spec.source.transformer.container", "spec.sink.udsink.container",
			"spec.sink.fallback.udsink.container", "spec.sink.onSuccess.udsink.container", "spec.sidecars[]",
		},
		images: imageField, policy: policyField,
		source: "https://github.com/numaproj/numaflow/blob/63ba4e8c8692b8f797e446af1a144f2291d19d14/pkg/apis/numaflow/v1alpha1/user_defined_container.go#L40",
	},
	{
		group: "numaflow.numaproj.io", kinds: []string{"Pipeline"},
		at: []string{
			"spec.vertices[].udf.container", "spec.vertices[].source.udsource.container",
			"spec.vertices[].source.transformer.container",
			"spec.vertices[].sink.udsink.container", "spec.vertices[].sink.fallback.udsink.container",
			"spec.vertices[].sink.onSuccess.udsink.container", "spec.vertices[].sidecars[]", "spec.sideInputs[].container",
		},
		images: imageField, policy: policyField,
		source: "https://github.com/numaproj/numaflow/blob/63ba4e8c8692b8f797e446af1a144f2291d19d14/pkg/apis/numaflow/v1alpha1/user_defined_container.go#L40",
	},
	{
		group: "opentelemetry.io", kinds: []string{"Instrumentation"},
		at: []string{"spec"},
		images: []string{
			"java.image", "nodejs.image", "python.image", "dotnet.image", "go.image", "apacheHttpd.image", "nginx.image",
		},
		policy: policyField,
		source: "https://github.com/open-telemetry/opentelemetry-operator/blob/be8944414a876f17fcdeb5a59b86b8866fb5c88e/apis/v1alpha1/instrumentation_types.go#L76",
	},
	{
		group: "opentelemetry.io", kinds: []string{"OpAMPBridge", "OpenTelemetryCollector", "TargetAllocator"},
		at: []string{"spec"}, images: imageField, policy: policyField,
		source: "https://github.com/open-telemetry/opentelemetry-operator/blob/be8944414a876f17fcdeb5a59b86b8866fb5c88e/apis/v1beta1/common.go#L151",
	},
	{
		group: "operator.victoriametrics.com",
		kinds: []string{
			"VLAgent", "VLSingle", "VLogs", "VMAgent", "VMAlert", "VMAlertmanager", "VMAnomaly", "VMAuth",
			"VMSingle", "VTSingle",
		},
		at: []string{"spec.image"}, images: []string{"repository"}, tag: "tag", policy: "pullPolicy", unset: IfNotPresent,
		source: "https://github.com/VictoriaMetrics/operator/blob/d0d258c86b5aed0df47dd2b3c52c5a97e40e6b48/internal/controller/operator/factory/build/defaults.go#L596",
	},
	{
		group: "operator.victoriametrics.com", kinds: []string{"VLCluster", "VMCluster", "VTCluster"},
		at: []string{
			"spec.vlinsert.image", "spec.vlselect.image", "spec.vlstorage.image",
			"spec.vminsert.image", "spec.vmselect.image", "spec.vmstorage.image",
			"spec.insert.image", "spec.select.image", "spec.storage.image",
		},
		images: []string{"repository"}, tag: "tag", policy: "pullPolicy", unset: IfNotPresent,
		source: "https://github.com/VictoriaMetrics/operator/blob/d0d258c86b5aed0df47dd2b3c52c5a97e40e6b48/api/operator/v1beta1/vmextra_types.go#L1745",
	},
	{
		group: "pgv2.percona.com", kinds: []string{"PerconaPGCluster"},
		at: []string{"spec"}, images: []string{"image", "backups.pgbackrest.image", "proxy.pgBouncer.image"},
		policy: policyField,
		source: "https://github.com/percona/percona-postgresql-operator/blob/adafb34ff17cb2df8b491d725cccdd46c0607d44/pkg/apis/pgv2.percona.com/v2/perconapgcluster_types.go#L82",
	},
	{
		group: "pgv2.percona.com", kinds: []string{"PerconaPGCluster"},
		at: []string{"spec.pmm", "spec.logcollector"}, images: imageField, policy: policyField,
		source: "https://github.com/percona/percona-postgresql-operator/blob/adafb34ff17cb2df8b491d725cccdd46c0607d44/pkg/apis/pgv2.percona.com/v2/perconapgcluster_types.go#L1195",
	},
	{
		group: "pool.kubevirt.io", kinds: []string{"VirtualMachinePool"},
		at:     []string{"spec.virtualMachineTemplate.spec.template.spec.volumes[].containerDisk"},
		images: imageField, policy: policyField,
		source: "https://github.com/kubevirt/kubevirt/blob/d923fdb815cd2016ddaebdaaa51db04133576d72/staging/src/kubevirt.io/api/pool/v1beta1/types.go#L118",
	},
	{
		group: "postgres-operator.crunchydata.com", kinds: []string{"PGAdmin", "PGUpgrade", "PostgresCluster"},
		at: []string{"spec"},
		images: []string{
			"image", "backups.pgbackrest.image", "proxy.pgBouncer.image", "userInterface.pgAdmin.image",
			"monitoring.pgmonitor.exporter.image",
		},
		policy: policyField,
		source: "https://github.com/CrunchyData/postgres-operator/blob/0fbac3062d649b2b5fadde4e00f17bad250c0052/pkg/apis/postgres-operator.crunchydata.com/v1beta1/postgrescluster_types.go#L94",
	},
	{
		group: "postgresql.cnpg.io", kinds: []string{"Cluster"},
		at: []string{"spec"}, images: []string{"imageName"}, policy: policyField,
		source: "https://github.com/cloudnative-pg/cloudnative-pg/blob/a95a534dbe0854495b863bbc1b7651f74d310916/api/v1/cluster_types.go#L237",
	},
	{
		group: "postgresql.cnpg.io", kinds: []string{"Cluster"},
		at: []string{"spec.postgresql.extensions[].image"}, images: []string{"reference"}, policy: "pullPolicy", volume: true,
		source: "https://github.com/cloudnative-pg/cloudnative-pg/blob/a95a534dbe0854495b863bbc1b7651f74d310916/api/v1/cluster_types.go#L1711",
	},
	{
		group: "psmdb.percona.com", kinds: []string{"PerconaServerMongoDB"},
		at: []string{"spec"}, images: []string{"image", "backup.image", "pmm.image"}, policy: policyField, unset: Always,
		source: "https://github.com/percona/percona-server-mongodb-operator/blob/b15af50030bfc5558813b86b160e87fd304a409c/pkg/apis/psmdb/v1/psmdb_defaults.go#L78",
	},
	{
		group: "psmdb.percona.com", kinds: []string{"PerconaServerMongoDB"},
		at: []string{"spec.logcollector", "spec.search"}, images: imageField, policy: policyField,
		source: "https://github.com/percona/percona-server-mongodb-operator/blob/b15af50030bfc5558813b86b160e87fd304a409c/pkg/apis/psmdb/v1/psmdb_types.go#L2010",
	},
	{
		group: "pxc.percona.com", kinds: []string{"PerconaXtraDBCluster"},
		at:     []string{"spec.pxc", "spec.haproxy", "spec.proxysql", "spec.pmm", "spec.logcollector", "spec.backup"},
		images: imageField, policy: policyField, unset: Always,
		source: "https://github.com/percona/percona-xtradb-cluster-operator/blob/b3b0b10a7c2af9e7f8c61a1810fb51a10a12c631/pkg/apis/pxc/v1/pxc_types.go#L1099",
	},
	{
		group: "redis.redis.opstreelabs.in", kinds: []string{"Redis", "RedisCluster", "RedisReplication", "RedisSentinel"},
		at: []string{
			"spec.kubernetesConfig", "spec.redisExporter", "spec.initContainer", "spec.sentinel", "spec.sidecars[]",
		},
		images: imageField, policy: policyField,
		source: "https://github.com/OT-CONTAINER-KIT/redis-operator/blob/5dd04e17419a9a32bd0d220fc9dae5dffbf4f39a/api/common/v1beta2/common_types.go#L14",
	},
	{
		group: "serving.kserve.io", kinds: []string{"ClusterStorageContainer"},
		at: []string{"spec.container"}, images: imageField, policy: policyField,
		source: "https://github.com/kserve/kserve/blob/aaac4e294dae2c7b1aa1886447793f3aa1c30912/pkg/apis/serving/v1alpha1/storage_container_types.go#L31",
	},
	{
		group: "serving.kserve.io", kinds: []string{"InferenceService"},
		at: []string{
			"spec.predictor.model", "spec.predictor.sklearn", "spec.predictor.xgboost", "spec.predictor.tensorflow",
			"spec.predictor.pytorch", "spec.predictor.triton", "spec.predictor.onnx", "spec.predictor.huggingface",
			"spec.predictor.pmml", "spec.predictor.lightgbm", "spec.predictor.paddle", "spec.explainer.art",
		},
		images: imageField, policy: policyField,
		source: "https://github.com/kserve/kserve/blob/aaac4e294dae2c7b1aa1886447793f3aa1c30912/pkg/apis/serving/v1beta1/predictor.go#L135",
	},
	{
		group: "sparkoperator.k8s.io", kinds: []string{"ScheduledSparkApplication"},
		at: []string{"spec.template"}, images: []string{"image", "driver.image", "executor.image"},
		policy: policyField, unset: IfNotPresent,
		source: "https://github.com/kubeflow/spark-operator/blob/38082f3318e9d33f3e4a940c7cf165df6e40b422/api/v1beta2/scheduledsparkapplication_types.go#L40",
	},
	{
		group: "sparkoperator.k8s.io", kinds: []string{"SparkApplication"},
		at: []string{"spec"}, images: []string{"image", "driver.image", "executor.image"}, policy: policyField,
		// The operator leaves it to spark.kubernetes.container.image.pullPolicy, for which Spark has this default.
		unset:  IfNotPresent,
		source: "https://github.com/kubeflow/spark-operator/blob/38082f3318e9d33f3e4a940c7cf165df6e40b422/internal/controller/sparkapplication/submission.go#L246",
	},
	{
		group: "zookeeper.pravega.io", kinds: []string{"ZookeeperCluster"},
		at: []string{"spec.image"}, images: []string{"repository"}, tag: "tag", policy: "pullPolicy", unset: Always,
		source: "https://github.com/pravega/zookeeper-operator/blob/462635bcc436dc9da7573119693743068ec3394d/api/v1beta1/zookeepercluster_types.go#L421",
	},
}

// customResource adds the containers that the table has for an object of a group and kind.
func (w *walker) customResource(object *yaml.Node, group, kind string) {
	for i := range customResources {
		row := &customResources[i]
		if row.group != group || !slices.Contains(row.kinds, kind) {
			continue
		}
		for _, at := range row.at {
			w.follow(object, strings.Split(at, "."), "", func(node *yaml.Node, name string) { w.row(row, node, name) })
		}
	}
}

// follow calls visit with each node at the end of a path. A path through a list has an end for each item of the list;
// name is the name of the last such item.
func (w *walker) follow(node *yaml.Node, path []string, name string, visit func(node *yaml.Node, name string)) {
	if len(path) == 0 {
		visit(node, name)
		return
	}
	key, isList := strings.CutSuffix(path[0], "[]")
	next := yamldoc.Field(node, key)
	if next == nil {
		return
	}
	w.path = append(w.path, yamldoc.Key(key))
	switch {
	case !isList:
		w.follow(next, path[1:], name, visit)
	case next.Kind == yaml.SequenceNode:
		for i, item := range next.Content {
			w.path = append(w.path, yamldoc.Item(i, item))
			w.follow(yamldoc.Resolve(item), path[1:], yamldoc.Scalar(item, "name"), visit)
			w.path = w.path[:len(w.path)-1]
		}
	}
	w.path = w.path[:len(w.path)-1]
}

// row adds the containers of one mapping: one for each image that the mapping writes, or one without an image if the
// mapping writes only the policy.
func (w *walker) row(row *customResource, node *yaml.Node, name string) {
	policy := yamldoc.Field(node, row.policy)
	c := Container{Name: name, Default: row.unset, Field: w.path.Below(yamldoc.Key(row.policy))}
	if row.volume {
		c.Name = "volume:" + name
	}
	before := len(w.found)
	for _, path := range row.images {
		image := node
		c.ImageField = w.path.Below()
		for key := range strings.SplitSeq(path, ".") {
			image = yamldoc.Field(image, key)
			c.ImageField = append(c.ImageField, yamldoc.Key(key))
		}
		if !isText(image) || !isSet(image) {
			continue
		}
		c.Image = image.Value + row.tagOf(node)
		w.add(c, policy, image)
	}
	if len(w.found) == before && isSet(policy) {
		c.ImageField, c.Image = nil, ""
		w.add(c, policy, nil)
	}
}

// tagOf returns the tag of a mapping with the character that joins it to the repository: ":1.2". Some operators accept
// a digest in the field of the tag: "@sha256:…".
func (row *customResource) tagOf(node *yaml.Node) string {
	tag := ""
	if row.tag != "" {
		tag = yamldoc.Scalar(node, row.tag)
	}
	switch {
	case tag == "":
		return ""
	case strings.Contains(tag, ":"):
		return "@" + tag
	}
	return ":" + tag
}
