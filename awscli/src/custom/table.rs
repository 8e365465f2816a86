//! What each of the official CLI's own commands takes.

use super::{CustomCommand, blob, command, flag, integer, list, map, off, positional, structure, text};
use crate::command::words::Arity;

/// The groups of instances of a cluster.
const INSTANCE_GROUPS: &str = "[{Name, InstanceGroupType!, BidPrice, InstanceType!, InstanceCount!:integer, CustomAmiId, \
     EbsConfiguration:{EbsOptimized:boolean, EbsBlockDeviceConfigs:[{VolumeSpecification:{VolumeType!, \
     SizeInGB!:integer, Iops:integer, Throughput:integer}, VolumesPerInstance:integer}]}, \
     AutoScalingPolicy:{Constraints:{MinCapacity:integer, MaxCapacity:integer}, Rules:[{Name, Description, \
     Action:{Market, SimpleScalingPolicyConfiguration:{AdjustmentType, ScalingAdjustment:integer, \
     CoolDown:integer}}, Trigger:{CloudWatchAlarmDefinition:{ComparisonOperator, EvaluationPeriods:integer, \
     MetricName, Namespace, Period:integer, Statistic, Threshold:double, Unit, Dimensions:[{Key, \
     Value}]}}}]}, Configurations:[{Classification, Properties:<>, Configurations:[{Classification, \
     Properties:<>}]}]}]";

/// What a cluster does.
const STEPS: &str =
    "[{Type, Name, ActionOnFailure, Jar, Args:[], MainClass, Properties, LogUri, EncryptionKeyArn}]";

/// The fleets of instances of a cluster.
const INSTANCE_FLEETS: &str = "[{Name, InstanceFleetType!, TargetOnDemandCapacity:integer, TargetSpotCapacity:integer, \
     InstanceTypeConfigs:[{InstanceType!, WeightedCapacity:integer, BidPrice, \
     BidPriceAsPercentageOfOnDemandPrice:double, CustomAmiId, Priority:double, \
     EbsConfiguration:{EbsOptimized:boolean, EbsBlockDeviceConfigs:[{VolumeSpecification:{VolumeType!, \
     SizeInGB!:integer, Iops:integer, Throughput:integer}, VolumesPerInstance:integer}]}, \
     Configurations:[{Classification, Properties:<>, Configurations:[{Classification, Properties:<>}]}]}], \
     LaunchSpecifications:{OnDemandSpecification:{AllocationStrategy, \
     CapacityReservationOptions:{UsageStrategy, CapacityReservationPreference, \
     CapacityReservationResourceGroupArn}}, SpotSpecification:{TimeoutDurationMinutes:integer, TimeoutAction, \
     BlockDurationMinutes:integer, AllocationStrategy}}, \
     ResizeSpecifications:{SpotResizeSpecification:{TimeoutDurationMinutes:integer, AllocationStrategy}, \
     OnDemandResizeSpecification:{TimeoutDurationMinutes:integer, AllocationStrategy, \
     CapacityReservationOptions:{UsageStrategy, CapacityReservationPreference, \
     CapacityReservationResourceGroupArn}}}, Context}]";

/// Where the instances of a cluster are.
const EC2_ATTRIBUTES: &str = "{KeyName, SubnetId, SubnetIds:[], AvailabilityZone, AvailabilityZones:[], InstanceProfile, \
     EmrManagedMasterSecurityGroup, EmrManagedSlaveSecurityGroup, ServiceAccessSecurityGroup, \
     AdditionalMasterSecurityGroups:[], AdditionalSlaveSecurityGroups:[]}";

/// What is installed on a cluster.
const APPLICATIONS: &str = "[{Name!, Args:[]}]";

/// How a cluster keeps files in S3.
const EMRFS: &str = "{Consistent:boolean, SSE:boolean, RetryCount:integer, RetryPeriod:integer, Args:[], Encryption, \
     ProviderType, KMSKeyId, CustomProviderLocation, CustomProviderClass}";

/// How a cluster knows its users.
const KERBEROS: &str =
    "{Realm, KdcAdminPassword, CrossRealmTrustPrincipalPassword, ADDomainJoinUser, ADDomainJoinPassword}";

/// How big a cluster gets.
const SCALING: &str = "{ComputeLimits:{MinimumCapacityUnits!:integer, MaximumCapacityUnits!:integer, \
     MaximumOnDemandCapacityUnits:integer, UnitType!, MaximumCoreCapacityUnits:integer}, ScalingStrategy, \
     UtilizationPerformanceIndex:integer}";

/// Where the logs of a cluster go.
const MONITORING: &str = "{CloudWatchLogConfiguration:{Enabled!:boolean, LogGroupName, LogStreamNamePrefix, EncryptionKeyArn, \
     LogTypes:<[]>}, S3LoggingConfiguration:{LogTypeUploadPolicy:<>}}";

/// What a version of a product may be.
const ARTIFACT_TYPES: &[&str] = &["CLOUD_FORMATION_TEMPLATE", "MARKETPLACE_AMI", "MARKETPLACE_CAR"];

/// What `s3 cp`, `mv` and `sync` take, with what only one of them takes behind it.
macro_rules! transfer {
    ($($more:expr),* $(,)?) => {
        &[
            positional("paths").arity(Arity::Exactly(2)),
            flag("dryrun"),
            flag("quiet"),
            text("include").arity(Arity::Exactly(1)).repeated(),
            text("exclude").arity(Arity::Exactly(1)).repeated(),
            text("acl").choices(&[
                "private",
                "public-read",
                "public-read-write",
                "authenticated-read",
                "aws-exec-read",
                "bucket-owner-read",
                "bucket-owner-full-control",
                "log-delivery-write",
            ]),
            flag("follow-symlinks").group("follow_symlinks"),
            off("no-follow-symlinks").group("follow_symlinks"),
            off("no-guess-mime-type"),
            text("sse").arity(Arity::Optional).choices(&["AES256", "aws:kms"]).implied("AES256"),
            text("sse-c").arity(Arity::Optional).choices(&["AES256"]).implied("AES256"),
            blob("sse-c-key"),
            text("sse-kms-key-id"),
            text("sse-c-copy-source").arity(Arity::Optional).choices(&["AES256"]).implied("AES256"),
            blob("sse-c-copy-source-key"),
            text("storage-class").choices(&[
                "STANDARD",
                "REDUCED_REDUNDANCY",
                "STANDARD_IA",
                "ONEZONE_IA",
                "INTELLIGENT_TIERING",
                "GLACIER",
                "DEEP_ARCHIVE",
                "GLACIER_IR",
            ]),
            text("grants").arity(Arity::OneOrMore),
            text("website-redirect"),
            text("content-type"),
            text("cache-control"),
            text("content-disposition"),
            text("content-encoding"),
            text("content-language"),
            text("expires"),
            text("source-region"),
            flag("only-show-errors"),
            off("no-progress"),
            integer("progress-frequency").default("0"),
            flag("progress-multiline"),
            integer("page-size"),
            flag("ignore-glacier-warnings"),
            flag("force-glacier-transfer"),
            text("request-payer").arity(Arity::Optional).choices(&["requester"]).implied("requester"),
            text("checksum-mode").choices(&["ENABLED"]),
            text("checksum-algorithm").choices(&[
                "CRC64NVME",
                "CRC32",
                "SHA256",
                "SHA1",
                "CRC32C",
                "SHA512",
                "XXHASH64",
                "XXHASH3",
                "XXHASH128",
            ]),
            map("metadata"),
            text("copy-props").choices(&["none", "metadata-directive", "default", "all"]).default("default"),
            text("metadata-directive").choices(&["COPY", "REPLACE"]),
            $($more),*
        ]
    };
}

/// All of them, in the order of their words. A command whose words begin another's is the group of those.
pub static COMMANDS: &[CustomCommand] = &[
    command(
        &["agent-toolkit", "add-skill"],
        &[text("skill-name").required(), text("skill-version"), text("agent")],
    ),
    command(&["agent-toolkit", "check-skill-updates"], &[flag("all"), text("agent")]),
    command(
        &["agent-toolkit", "get-skill-file"],
        &[text("skill-name").required(), text("file-path").required(), text("skill-version")],
    ),
    command(&["agent-toolkit", "list-installed-skills"], &[text("agent")]),
    command(&["agent-toolkit", "remove-skill"], &[text("skill-name").required(), text("agent")]),
    command(&["agent-toolkit", "update-skill"], &[text("skill-name"), flag("all"), text("agent")]),
    command(&["cli-dev"], &[]),
    command(&["cli-dev", "wizard-dev"], &[text("run-wizard")]),
    command(
        &["cloudformation", "deploy"],
        &[
            text("template-file").required(),
            text("stack-name").required(),
            text("s3-bucket"),
            flag("force-upload"),
            text("s3-prefix"),
            text("kms-key-id"),
            text("parameter-overrides").arity(Arity::OneOrMore),
            list("capabilities"),
            off("no-execute-changeset"),
            flag("disable-rollback").group("disable-rollback"),
            off("no-disable-rollback").group("disable-rollback"),
            text("role-arn"),
            list("notification-arns"),
            flag("fail-on-empty-changeset").group("fail-on-empty-changeset"),
            off("no-fail-on-empty-changeset").group("fail-on-empty-changeset"),
            list("tags"),
        ],
    ),
    command(
        &["cloudformation", "package"],
        &[
            text("template-file").required(),
            text("s3-bucket").required(),
            text("s3-prefix"),
            text("kms-key-id"),
            text("output-template-file"),
            flag("use-json"),
            flag("force-upload"),
            map("metadata"),
        ],
    ),
    command(
        &["cloudfront", "sign"],
        &[
            text("url").required().verbatim(),
            text("key-pair-id").required(),
            text("private-key").required(),
            text("date-less-than").required(),
            text("date-greater-than"),
            text("ip-address"),
        ],
    ),
    command(
        &["cloudtrail", "validate-logs"],
        &[
            text("trail-arn").required(),
            text("start-time").required(),
            text("end-time"),
            text("s3-bucket"),
            text("s3-prefix"),
            text("account-id"),
            flag("verbose"),
        ],
    ),
    command(
        &["cloudtrail", "verify-query-results"],
        &[text("local-export-path"), text("s3-bucket"), text("s3-prefix")],
    ),
    command(
        &["codeartifact", "login"],
        &[
            text("tool").required().choices(&["swift", "nuget", "dotnet", "npm", "pip", "twine"]),
            text("domain").required(),
            text("domain-owner"),
            text("namespace"),
            integer("duration-seconds"),
            text("repository").required(),
            text("endpoint-type"),
            flag("dry-run"),
        ],
    ),
    command(&["codecommit", "credential-helper"], &[]),
    command(&["codecommit", "credential-helper", "erase"], &[]).hidden(),
    command(
        &["codecommit", "credential-helper", "get"],
        &[flag("ignore-host-check").group("ignore-host-check")],
    ),
    command(&["codecommit", "credential-helper", "store"], &[]).hidden(),
    command(&["configservice", "get-status"], &[]),
    command(
        &["configservice", "subscribe"],
        &[text("s3-bucket").required(), text("sns-topic").required(), text("iam-role").required()],
    ),
    command(&["configure"], &[]),
    command(&["configure", "add-model"], &[text("service-model").required(), text("service-name")]),
    command(&["configure", "agent-toolkit"], &[flag("yes")]),
    command(
        &["configure", "export-credentials"],
        &[text("format")
            .choices(&["process", "env", "env-no-export", "powershell", "windows-cmd", "fish"])
            .default("process")],
    ),
    command(&["configure", "get"], &[positional("varname"), text("sso-session"), text("services")]),
    command(
        &["configure", "import"],
        &[text("csv").required(), flag("skip-invalid"), text("profile-prefix").default("")],
    ),
    command(&["configure", "list"], &[]),
    command(&["configure", "list-profiles"], &[]),
    command(
        &["configure", "mfa-login"],
        &[text("update-profile"), integer("duration-seconds").default("43200"), text("serial-number")],
    ),
    command(
        &["configure", "set"],
        &[
            positional("varname"),
            positional("value").verbatim(),
            text("sso-session").group("subsection"),
            text("services").group("subsection"),
        ],
    ),
    command(&["configure", "sso"], &[flag("no-browser"), flag("use-device-code"), integer("redirect-port")]),
    command(&["configure", "sso-session"], &[]),
    command(&["configure", "wizard"], &[]),
    command(&["datapipeline", "create-default-roles"], &[]).hidden(),
    command(
        &["datapipeline", "list-runs"],
        &[text("pipeline-id").required(), text("status"), text("start-interval"), text("schedule-interval")],
    ),
    command(&["ddb"], &[]),
    command(
        &["ddb", "put"],
        &[positional("table_name"), positional("items"), text("condition").arity(Arity::OneOrMore)],
    ),
    command(
        &["ddb", "select"],
        &[
            positional("table_name"),
            text("index-name"),
            text("projection").arity(Arity::OneOrMore),
            text("filter").arity(Arity::OneOrMore),
            text("key-condition").arity(Arity::OneOrMore),
            text("attributes").choices(&["ALL", "ALL_PROJECTED", "COUNT"]),
            flag("consistent-read").group("consistent_read"),
            off("no-consistent-read").group("consistent_read"),
            flag("return-consumed-capacity").group("return_consumed_capacity"),
            off("no-return-consumed-capacity").group("return_consumed_capacity"),
            text("starting-token"),
            integer("max-items"),
            integer("page-size"),
        ],
    ),
    command(&["deploy", "deregister"], &[text("instance-name").required(), flag("no-delete-iam-user")]),
    command(
        &["deploy", "install"],
        &[text("config-file").required(), flag("override-config"), text("agent-installer")],
    ),
    command(
        &["deploy", "push"],
        &[
            text("application-name").required(),
            text("s3-location").required(),
            flag("ignore-hidden-files").group("ignore-hidden-files"),
            flag("no-ignore-hidden-files").group("ignore-hidden-files"),
            text("source").default("."),
            text("description"),
        ],
    ),
    command(
        &["deploy", "register"],
        &[text("instance-name").required(), list("tags").of("[{Key!, Value!}]"), text("iam-user-arn")],
    ),
    command(&["deploy", "uninstall"], &[]),
    command(
        &["dlm", "create-default-role"],
        &[
            text("iam-endpoint").verbatim(),
            text("resource-type").choices(&["snapshot", "image"]).default("snapshot"),
        ],
    ),
    command(
        &["dsql", "generate-db-connect-admin-auth-token"],
        &[text("hostname").required(), integer("expires-in").default("900")],
    ),
    command(
        &["dsql", "generate-db-connect-auth-token"],
        &[text("hostname").required(), integer("expires-in").default("900")],
    ),
    command(&["dynamodb", "wizard"], &[]),
    command(&["dynamodb", "wizard", "new-table"], &[]),
    command(
        &["ec2-instance-connect", "open-tunnel"],
        &[
            text("instance-id"),
            text("instance-connect-endpoint-id"),
            text("instance-connect-endpoint-dns-name"),
            text("private-ip-address"),
            integer("remote-port").default("22"),
            integer("local-port"),
            integer("max-tunnel-duration"),
            integer("max-websocket-connections").default("10"),
        ],
    ),
    command(
        &["ec2-instance-connect", "ssh"],
        &[
            text("instance-id").required(),
            text("instance-ip"),
            text("private-key-file"),
            text("os-user").default("ec2-user"),
            integer("ssh-port").default("22"),
            text("local-forwarding"),
            text("connection-type").choices(&["auto", "direct", "eice"]).default("auto"),
            structure("eice-options").of("{maxTunnelDuration:integer, endpointId, dnsName}"),
        ],
    ),
    command(&["ecr", "get-login-password"], &[]),
    command(&["ecr-public", "get-login-password"], &[]),
    command(
        &["ecs", "deploy"],
        &[
            text("service").required(),
            text("task-definition").required(),
            text("codedeploy-appspec").required(),
            text("cluster"),
            text("codedeploy-application"),
            text("codedeploy-deployment-group"),
        ],
    ),
    command(
        &["ecs", "monitor-express-gateway-service"],
        &[
            text("service-arn").required(),
            text("resource-view").choices(&["RESOURCE", "DEPLOYMENT"]).default("RESOURCE"),
            text("mode").choices(&["INTERACTIVE", "TEXT-ONLY"]),
            integer("timeout").default("30"),
        ],
    ),
    command(&["eks", "get-token"], &[text("cluster-name"), text("role-arn"), text("cluster-id")]),
    command(
        &["eks", "update-kubeconfig"],
        &[
            text("name").required(),
            text("kubeconfig"),
            text("role-arn"),
            text("proxy-url"),
            flag("dry-run"),
            flag("verbose"),
            text("alias"),
            text("user-alias"),
            text("assume-role-arn"),
        ],
    ),
    command(
        &["emr", "add-instance-groups"],
        &[text("cluster-id").required(), list("instance-groups").of(INSTANCE_GROUPS).required()],
    ),
    command(
        &["emr", "add-steps"],
        &[text("cluster-id").required(), list("steps").of(STEPS).required(), text("execution-role-arn")],
    ),
    command(
        &["emr", "create-cluster"],
        &[
            text("release-label"),
            text("os-release-label"),
            text("ami-version"),
            list("instance-groups").of(INSTANCE_GROUPS),
            text("instance-type"),
            text("instance-count"),
            flag("auto-terminate").group("auto_terminate"),
            flag("no-auto-terminate").group("auto_terminate"),
            list("instance-fleets").of(INSTANCE_FLEETS),
            text("name").default("Development Cluster"),
            text("log-uri"),
            text("log-encryption-kms-key-id"),
            text("service-role"),
            text("auto-scaling-role"),
            flag("use-default-roles"),
            text("configurations"),
            structure("ec2-attributes").of(EC2_ATTRIBUTES),
            flag("termination-protected").group("termination_protected"),
            flag("no-termination-protected").group("termination_protected"),
            flag("unhealthy-node-replacement").group("unhealthy_node_replacement"),
            flag("no-unhealthy-node-replacement").group("unhealthy_node_replacement"),
            text("scale-down-behavior"),
            flag("visible-to-all-users").group("visibility"),
            flag("no-visible-to-all-users").group("visibility"),
            flag("enable-debugging").group("debug"),
            flag("no-enable-debugging").group("debug"),
            list("tags"),
            list("bootstrap-actions").of("[{Name, Path!, Args:[]}]"),
            list("applications").of(APPLICATIONS),
            structure("emrfs").of(EMRFS),
            list("steps").of(STEPS),
            text("additional-info"),
            structure("restore-from-hbase-backup").of("{Dir, BackupVersion}"),
            text("security-configuration"),
            text("custom-ami-id"),
            text("ebs-root-volume-size"),
            text("ebs-root-volume-iops"),
            text("ebs-root-volume-throughput"),
            text("repo-upgrade-on-boot"),
            structure("kerberos-attributes").of(KERBEROS),
            integer("step-concurrency-level"),
            text("step-execution-role-arn"),
            structure("managed-scaling-policy").of(SCALING),
            list("placement-group-configs").of("[{InstanceRole!, PlacementStrategy}]"),
            structure("auto-termination-policy").of("{IdleTimeout:long}"),
            structure("monitoring-configuration").of(MONITORING),
            flag("extended-support").group("extended-support"),
            flag("no-extended-support").group("extended-support"),
            flag("session-enabled").group("session-enabled"),
            flag("no-session-enabled").group("session-enabled"),
        ],
    ),
    command(&["emr", "create-default-roles"], &[text("iam-endpoint").verbatim()]),
    command(
        &["emr", "create-hbase-backup"],
        &[text("cluster-id").required(), text("dir").required(), flag("consistent")],
    ),
    command(&["emr", "describe-cluster"], &[text("cluster-id").required()]),
    command(
        &["emr", "disable-hbase-backups"],
        &[text("cluster-id").required(), flag("full"), flag("incremental")],
    ),
    command(
        &["emr", "get"],
        &[
            text("cluster-id").required(),
            text("key-pair-file").required(),
            text("src").required(),
            text("dest"),
            text("ssh-options").arity(Arity::OneOrMore),
        ],
    ),
    command(
        &["emr", "install-applications"],
        &[text("cluster-id").required(), list("applications").of(APPLICATIONS).required()],
    ),
    command(
        &["emr", "modify-cluster-attributes"],
        &[
            text("cluster-id").required(),
            flag("visible-to-all-users").group("visible"),
            flag("no-visible-to-all-users").group("visible"),
            flag("termination-protected").group("terminate"),
            flag("no-termination-protected").group("terminate"),
            flag("auto-terminate").group("auto_terminate"),
            flag("no-auto-terminate").group("auto_terminate"),
            flag("unhealthy-node-replacement").group("UnhealthyReplacement"),
            flag("no-unhealthy-node-replacement").group("UnhealthyReplacement"),
        ],
    ),
    command(
        &["emr", "put"],
        &[
            text("cluster-id").required(),
            text("key-pair-file").required(),
            text("src").required(),
            text("dest"),
            text("ssh-options").arity(Arity::OneOrMore),
        ],
    ),
    command(
        &["emr", "restore-from-hbase-backup"],
        &[text("cluster-id").required(), text("dir").required(), text("backup-version")],
    ),
    command(
        &["emr", "schedule-hbase-backup"],
        &[
            text("cluster-id").required(),
            text("type").required(),
            text("dir").required(),
            text("interval").required(),
            text("unit").required(),
            text("start-time"),
            flag("consistent"),
        ],
    ),
    command(
        &["emr", "socks"],
        &[
            text("cluster-id").required(),
            text("key-pair-file").required(),
            text("ssh-options").arity(Arity::OneOrMore),
        ],
    ),
    command(
        &["emr", "ssh"],
        &[
            text("cluster-id").required(),
            text("key-pair-file").required(),
            text("command"),
            text("ssh-options").arity(Arity::OneOrMore),
        ],
    ),
    command(&["emr", "terminate-clusters"], &[list("cluster-ids").required()]),
    command(
        &["emr-containers", "create-role-associations"],
        &[
            text("cluster-name").required(),
            text("namespace").required(),
            text("role-name").required(),
            text("type").choices(&[
                "start_job_run",
                "interactive_endpoint",
                "spark_operator",
                "flink_operator",
                "livy",
            ]),
            text("operator-namespace"),
            text("service-account-name"),
        ],
    ),
    command(
        &["emr-containers", "delete-role-associations"],
        &[
            text("cluster-name").required(),
            text("namespace").required(),
            text("role-name").required(),
            text("type").choices(&[
                "start_job_run",
                "interactive_endpoint",
                "spark_operator",
                "flink_operator",
                "livy",
            ]),
            text("operator-namespace"),
            text("service-account-name"),
        ],
    ),
    command(
        &["emr-containers", "update-role-trust-policy"],
        &[
            text("cluster-name").required(),
            text("namespace").required(),
            text("role-name").required(),
            text("iam-endpoint").verbatim(),
            flag("dry-run"),
        ],
    ),
    command(&["events", "wizard"], &[]),
    command(&["events", "wizard", "new-rule"], &[]),
    command(
        &["gamelift", "get-game-session-log"],
        &[text("game-session-id").required(), text("save-as").required()],
    ),
    command(
        &["gamelift", "upload-build"],
        &[
            text("name").required(),
            text("build-version").required(),
            text("build-root").required(),
            text("server-sdk-version"),
            text("operating-system"),
            text("tags").arity(Arity::OneOrMore),
        ],
    ),
    command(&["history"], &[]),
    command(&["history", "list"], &[]),
    command(
        &["history", "show"],
        &[
            positional("command_id").arity(Arity::Optional).default("latest"),
            text("include").arity(Arity::OneOrMore),
            text("exclude").arity(Arity::OneOrMore),
            text("format").choices(&["detailed"]).default("detailed"),
        ],
    ),
    command(&["iam", "wizard"], &[]),
    command(&["iam", "wizard", "new-role"], &[]),
    command(&["lambda", "wizard"], &[]),
    command(&["lambda", "wizard", "new-function"], &[]),
    command(
        &["lambda-web", "deploy"],
        &[
            text("name").required(),
            text("code"),
            flag("hello-world"),
            flag("create"),
            text("runtime"),
            text("entry-point"),
            text("execution-role-arn"),
            text("bucket-name"),
            text("env").repeated(),
            text("unset-env").repeated(),
            integer("timeout-seconds"),
            integer("max-concurrency-per-environment"),
            text("kms-key-arn"),
            text("application-log-level").choices(&["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]),
            text("system-log-level").choices(&["DEBUG", "INFO", "WARN"]),
            text("revision-description"),
            flag("include-hidden-files"),
            text("force-include").repeated(),
            flag("no-wait"),
            integer("activation-timeout").default("600"),
            integer("progress-frequency"),
            text("endpoint-name"),
            text("endpoint-type").choices(&["HomeRegion", "MultiRegion", "PerRegion"]),
            text("auth-type").choices(&["ApplicationManaged", "IamAuth"]),
            text("auto-deployment-mode").choices(&["LatestRevision", "Disabled"]),
            text("regions"),
            text("tags").repeated(),
            integer("max-environments"),
            integer("rate-limit"),
            text("description"),
        ],
    ),
    command(
        &["lightsail", "push-container-image"],
        &[text("service-name").required(), text("image").required(), text("label").required()],
    ),
    command(&["login"], &[flag("remote"), integer("redirect-port")]),
    command(&["logout"], &[flag("all")]),
    command(
        &["logs", "start-live-tail"],
        &[
            list("log-group-identifiers").required(),
            list("log-stream-names"),
            list("log-stream-name-prefixes"),
            text("log-event-filter-pattern"),
            text("mode").choices(&["interactive", "print-only"]).default("print-only"),
        ],
    ),
    command(
        &["logs", "tail"],
        &[
            positional("group_name"),
            text("since").default("10m"),
            flag("follow"),
            text("format").choices(&["detailed", "short", "json"]).default("detailed"),
            text("filter-pattern"),
            text("log-stream-names").arity(Arity::OneOrMore),
            text("log-stream-name-prefix"),
        ],
    ),
    command(
        &["rds", "generate-db-auth-token"],
        &[text("hostname").required(), integer("port").required(), text("username").required()],
    ),
    command(&["s3"], &[]),
    command(
        &["s3", "cp"],
        transfer![
            text("expected-size"),
            flag("recursive"),
            text("case-conflict").choices(&["ignore", "skip", "warn", "error"]).default("ignore"),
            flag("no-overwrite"),
        ],
    ),
    command(
        &["s3", "ls"],
        &[
            positional("paths").arity(Arity::Optional).default("s3://"),
            flag("recursive"),
            integer("page-size"),
            flag("human-readable"),
            flag("summarize"),
            text("request-payer").arity(Arity::Optional).choices(&["requester"]).implied("requester"),
            text("bucket-name-prefix"),
            text("bucket-region"),
        ],
    ),
    command(&["s3", "mb"], &[positional("path"), text("tags").arity(Arity::Exactly(2)).repeated()]),
    command(
        &["s3", "mv"],
        transfer![
            flag("recursive"),
            flag("validate-same-s3-paths"),
            text("case-conflict").choices(&["ignore", "skip", "warn", "error"]).default("ignore"),
            flag("no-overwrite"),
        ],
    ),
    command(&["s3", "presign"], &[positional("path"), integer("expires-in").default("3600")]),
    command(&["s3", "rb"], &[positional("path"), flag("force")]),
    command(
        &["s3", "rm"],
        &[
            positional("paths").arity(Arity::Exactly(1)),
            flag("dryrun"),
            flag("quiet"),
            flag("recursive"),
            text("request-payer").arity(Arity::Optional).choices(&["requester"]).implied("requester"),
            text("include").arity(Arity::Exactly(1)).repeated(),
            text("exclude").arity(Arity::Exactly(1)).repeated(),
            flag("only-show-errors"),
            integer("page-size"),
        ],
    ),
    command(
        &["s3", "sync"],
        transfer![
            text("case-conflict").choices(&["ignore", "skip", "warn", "error"]).default("ignore"),
            flag("no-overwrite"),
            flag("size-only"),
            flag("exact-timestamps"),
            flag("delete"),
        ],
    ),
    command(
        &["s3", "website"],
        &[positional("paths").arity(Arity::Exactly(1)), text("index-document"), text("error-document")],
    ),
    command(&["servicecatalog", "generate"], &[]),
    command(
        &["servicecatalog", "generate", "product"],
        &[
            text("product-name").required(),
            text("product-owner").required(),
            text("product-type").required().choices(&["CLOUD_FORMATION_TEMPLATE", "MARKETPLACE"]),
            text("product-description"),
            text("product-distributor"),
            list("tags"),
            text("file-path").required(),
            text("bucket-name").required(),
            text("support-description"),
            text("support-email"),
            text("provisioning-artifact-name").required(),
            text("provisioning-artifact-description").required(),
            text("provisioning-artifact-type").required().choices(ARTIFACT_TYPES),
        ],
    ),
    command(
        &["servicecatalog", "generate", "provisioning-artifact"],
        &[
            text("file-path").required(),
            text("bucket-name").required(),
            text("provisioning-artifact-name").required(),
            text("provisioning-artifact-description").required(),
            text("provisioning-artifact-type").required().choices(ARTIFACT_TYPES),
            text("product-id").required(),
        ],
    ),
    command(
        &["sso", "login"],
        &[flag("no-browser"), flag("use-device-code"), integer("redirect-port"), text("sso-session")],
    ),
    command(&["sso", "logout"], &[]),
    command(&["update"], &[flag("skip-signature-verification")]),
];
