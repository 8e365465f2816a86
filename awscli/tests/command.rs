//! What people type, and what becomes of it before anything is sent. Messages and exit statuses are those that the
//! official CLI 2.38.5 was seen to give for the same words, unless a test says otherwise.

use std::time::SystemTime;

use awscli::command::{self, Command, Context, Parsed, UsageError};
use awscli::files::{Files, MemoryFiles};
use awscli::format::python_text;
use awscli::value::Value;

/// Splits a line at spaces; single quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

static FILES: MemoryFiles = MemoryFiles::new(1 << 10);
const CONTEXT: Context<'_> = Context { files: &FILES, now: SystemTime::UNIX_EPOCH };

fn parsed(line: &str) -> Parsed {
    match command::parse(&words(line), CONTEXT) {
        Ok(Command::Operation(parsed)) => *parsed,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> UsageError {
    match command::parse(&words(line), CONTEXT) {
        Err(error) => error,
        Ok(command) => panic!("{line} was accepted: {command:?}"),
    }
}

#[test]
fn options_become_parameters() {
    for (line, expected) in [
        ("ec2 describe-instances", "{}"),
        ("ec2 describe-instances --instance-id i-1", "{'InstanceIds': ['i-1']}"),
        ("ec2 describe-instances --instance-ids '[\"a\",\"b\"]'", "{'InstanceIds': ['a', 'b']}"),
        (
            "ec2 describe-instances --filters Name=a,Values=b,c Name=d,Values=e",
            "{'Filters': [{'Name': 'a', 'Values': ['b', 'c']}, {'Name': 'd', 'Values': ['e']}]}",
        ),
        ("ec2 describe-instances --no-dry-run", "{'DryRun': False}"),
        (
            "ec2 modify-instance-attribute --instance-id i --ebs-optimized",
            "{'InstanceId': 'i', 'EbsOptimized': {'Value': True}}",
        ),
        (
            "ec2 modify-instance-attribute --instance-id i --instance-initiated-shutdown-behavior stop",
            "{'InstanceId': 'i', 'InstanceInitiatedShutdownBehavior': {'Value': 'stop'}}",
        ),
        (
            "ec2 run-instances --image-id a --count 2:3 --associate-public-ip-address --subnet-id s",
            "{'ImageId': 'a', 'MinCount': 2, 'MaxCount': 3, 'NetworkInterfaces': [{'DeviceIndex': 0, 'AssociatePublicIpAddress': True, 'SubnetId': 's'}]}",
        ),
        (
            "ec2 authorize-security-group-ingress --group-id g --protocol tcp --port 22-25 --cidr 0.0.0.0/0",
            "{'GroupId': 'g', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 25, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}]}",
        ),
        ("dynamodb get-item --table-name t --key a={S=b}", "{'TableName': 't', 'Key': {'a': {'S': 'b'}}}"),
        (
            "elb describe-instance-health --load-balancer-name l --instances i-1 i-2",
            "{'LoadBalancerName': 'l', 'Instances': [{'InstanceId': 'i-1'}, {'InstanceId': 'i-2'}]}",
        ),
        ("kms encrypt --key-id k --plaintext aGk=", "{'KeyId': 'k', 'Plaintext': b'hi'}"),
        (
            "kms encrypt --key-id k --plaintext hi --cli-binary-format raw-in-base64-out",
            "{'KeyId': 'k', 'Plaintext': b'hi'}",
        ),
        (
            "logs get-log-events --log-group-name g --log-stream-name s --start-time ' 5 '",
            "{'logGroupName': 'g', 'logStreamName': 's', 'startTime': 5}",
        ),
        (
            "ec2 describe-spot-price-history --start-time '5 Jan 2020 10:00 PM'",
            "{'StartTime': 2020-01-05 22:00:00+00:00}",
        ),
        (
            "sqs receive-message --queue-url https://sqs.us-east-1.amazonaws.com/1/q",
            "{'QueueUrl': 'https://sqs.us-east-1.amazonaws.com/1/q'}",
        ),
        (
            "ec2 describe-instances --cli-input-json '{\"MaxResults\": 5, \"DryRun\": true}' --no-dry-run",
            "{'DryRun': False, 'MaxResults': 5}",
        ),
        (
            "ses send-email --from a@b --to c@d --subject s --text t",
            "{'Source': 'a@b', 'Destination': {'ToAddresses': ['c@d']}, 'Message': {'Subject': {'Data': 's'}, 'Body': {'Text': {'Data': 't'}}}}",
        ),
        (
            "emr add-tags --resource-id r --tags a=b c",
            "{'ResourceId': 'r', 'Tags': [{'Key': 'a', 'Value': 'b'}, {'Key': 'c', 'Value': ''}]}",
        ),
    ] {
        assert_eq!(python_text(&Value::Map(parsed(line).parameters)), expected, "{line}");
    }
}

#[test]
fn options_of_every_command_stand_anywhere() {
    for line in [
        "--region eu-west-1 sts get-caller-identity --query Account --output json",
        "sts --reg=eu-west-1 get-caller-identity --out json --quer Account",
        "sts get-caller-identity --query=Account --output=json --region=eu-west-1 --no-cli-pager --color off",
    ] {
        let globals = parsed(line).globals;
        assert_eq!(globals.region.as_deref(), Some("eu-west-1"), "{line}");
        assert_eq!(globals.query.as_deref(), Some("Account"), "{line}");
        assert_eq!(globals.output.as_deref(), Some("json"), "{line}");
    }
}

#[test]
fn paging_is_automatic_unless_the_user_pages() {
    let paging = parsed("iam list-users --max-items 3 --page-size 2 --starting-token x").paging;
    assert!(paging.automatic);
    assert_eq!(
        (paging.max_items, paging.page_size, paging.starting_token.as_deref()),
        (Some(3), Some(2), Some("x"))
    );
    for line in [
        "ec2 describe-instances --no-paginate",
        "ec2 describe-instances --next-token abc",
        "ecs list-clusters --cli-input-json '{\"nextToken\":\"3\"}'",
        "sts get-caller-identity",
    ] {
        assert!(!parsed(line).paging.automatic, "{line}");
    }
    // Without paging the operation's own option of the same name shows.
    let by_hand = parsed("iam list-users --max-items 3 --no-paginate");
    assert_eq!(by_hand.parameters.get("MaxItems"), Some(&Value::Int(3)));
}

#[test]
fn wrong_words_are_answered_as_the_official_cli_does() {
    for (line, status, message) in [
        ("", 252, "the following arguments are required: command"),
        ("foo", 252, "argument command: Found invalid choice 'foo'\n\n\nusage: aws [options]"),
        (
            "ec",
            252,
            "Found invalid choice 'ec'\n\nMaybe you meant:\n\n  * ecs\n  * ecr\n  * ec2\n\nusage: aws",
        ),
        ("ec2", 252, "the following arguments are required: operation"),
        ("ec2 descrbe-instances", 252, "Maybe you meant:\n\n  * describe-instances\n"),
        ("ec2 terminate-instances", 252, "the following arguments are required: --instance-ids"),
        (
            "ec2 describe-instances --foo bar --baz",
            252,
            "\n\n\naws: [ERROR]: Unknown options: --foo, --baz, bar\n",
        ),
        (
            "ec2 describe-instances --max 3",
            252,
            "ambiguous option: --max could match --max-results, --max-items",
        ),
        ("ec2 describe-instances --max-items x", 252, "argument --max-items: invalid int value: 'x'"),
        ("ec2 describe-instances --region", 252, "argument --region: expected one argument"),
        ("ec2 describe-instances --output foo", 252, "argument --output: Found invalid choice 'foo'"),
        ("ec2 describe-instances --dry-run=x", 252, "argument --dry-run: ignored explicit argument 'x'"),
        (
            "ec2 describe-instances --max-results 5.5",
            255,
            "\naws: [ERROR]: invalid literal for int() with base 10: '5.5'\n",
        ),
        (
            "ec2 describe-instances --no-paginate --max-items 4",
            252,
            "Cannot specify --no-paginate along with pagination arguments: --max-items",
        ),
        (
            "ec2 describe-instances --region 'x y'",
            255,
            "Provided region_name 'x y' doesn't match a supported format.",
        ),
        (
            "ec2 wait",
            252,
            "usage: aws [options] ec2 wait <subcommand> [parameters]\naws: [ERROR]: too few arguments",
        ),
        ("lambda invoke --function-name x", 252, "the following arguments are required: outfile"),
        (
            "lambda invoke --function-name x --payload '{\"a\":1}' out",
            255,
            "\naws: [ERROR]: Invalid base64: \"{\"a\":1}\"\n",
        ),
        (
            "ec2 create-tags --resources a --tags Key=a,Key=c",
            252,
            "Second instance of key \"Key\" encountered for input:\nKey=a,Key=c\n      ^\n",
        ),
        (
            "lambda create-function --function-name f --role r --code ZipFile=abc",
            252,
            "ZipFile cannot be provided as part of the --code argument.",
        ),
        (
            "dynamodb get-item --table-name t --key '[]'",
            252,
            "Error parsing parameter '--key': Invalid JSON:\n[]\n",
        ),
        (
            "dynamodb update-table --table-name t --cli-input-json '[1]'",
            252,
            "Invalid type: expecting map, received <class 'list'>",
        ),
    ] {
        let error = refused(line);
        assert_eq!(error.exit_status, status, "{line}: {}", error.stderr);
        assert!(error.stderr.contains(message), "{line}: {}", error.stderr);
    }
}

#[test]
fn parameters_are_checked_before_anything_is_sent() {
    for (line, message) in [
        (
            "ec2 describe-instances --filters Nam=a,Values=b",
            "Unknown parameter in Filters[0]: \"Nam\", must be one of: Name, Values",
        ),
        (
            "ec2 describe-instances --filters '[{\"Name\": 1}]'",
            "Invalid type for parameter Filters[0].Name, value: 1, type: <class 'int'>, valid types: <class 'str'>",
        ),
        (
            "ec2 describe-instances --filters '[{\"Name\": {\"a\":1}}]'",
            "value: OrderedDict({'a': 1}), type: <class 'collections.OrderedDict'>",
        ),
        ("ec2 describe-instances --filters Name={a=1}", "value: {'a': '1'}, type: <class 'dict'>"),
        (
            "ec2 terminate-instances --cli-input-json {}",
            "Missing required parameter in input: \"InstanceIds\"",
        ),
        // In the order of the model's list of required members, which is not that of the members.
        (
            "amplifybackend create-backend-api --cli-input-json {}",
            "Missing required parameter in input: \"AppId\"\n\
             Missing required parameter in input: \"ResourceName\"\n\
             Missing required parameter in input: \"BackendEnvironmentName\"\n\
             Missing required parameter in input: \"ResourceConfig\"",
        ),
        (
            "lambda create-event-source-mapping --function-name f --batch-size 0",
            "Invalid value for parameter BatchSize, value: 0, valid min value: 1",
        ),
        (
            "lambda create-event-source-mapping --function-name f --batch-size -1",
            "Invalid value for parameter BatchSize, value: -1, valid min value: 1",
        ),
        (
            "lambda get-function --function-name ''",
            "Invalid length for parameter FunctionName, value: 0, valid min length: 1",
        ),
        (
            "pricing get-products --service-code s --filters Type=TERM_MATCH,Field=a",
            "Missing required parameter in Filters[0]: \"Value\"",
        ),
        (
            "ec2 describe-spot-price-history --start-time now",
            "Invalid type for parameter StartTime, value: now, type: <class 'str'>, valid types: <class 'datetime.datetime'>, timestamp-string",
        ),
        (
            "s3api list-objects-v2 --bucket a/b",
            "Invalid bucket name \"a/b\": Bucket name must match the regex",
        ),
    ] {
        let error = refused(line);
        assert_eq!(error.exit_status, 252, "{line}");
        let start = "\naws: [ERROR]: An error occurred (ParamValidation): Parameter validation failed:\n";
        assert!(error.stderr.starts_with(start), "{line}: {}", error.stderr);
        assert!(error.stderr.contains(message), "{line}: {}", error.stderr);
    }
    // The smallest value that is allowed, and what the service fills in itself.
    parsed("lambda create-event-source-mapping --function-name f --batch-size 1");
    parsed("ec2 create-volume --availability-zone a --size 1");
}

/// The official CLI has these options; here they would reach the host or another host.
#[test]
fn options_that_reach_the_host_are_refused_by_name() {
    for option in [
        "--endpoint-url https://evil.example",
        "--endpoint-url=https://evil.example",
        "--endp https://evil.example",
        "--profile admin",
        "--prof=admin",
        "--ca-bundle /tmp/c",
        "--no-verify-ssl",
        "--no-sign-request",
        "--debug",
        "--deb",
        "--cli-auto-prompt",
        "--cli-read-timeout 0",
        "--cli-connect-timeout=0",
    ] {
        for line in [
            format!("{option} s3 ls"),
            format!("ec2 {option} describe-instances"),
            format!("sts get-caller-identity {option}"),
        ] {
            let error = refused(&line);
            assert_eq!(error.exit_status, 252, "{line}");
            assert!(error.stderr.contains("is not available here"), "{line}: {}", error.stderr);
            assert!(!error.stderr.contains("evil"), "{line}: {}", error.stderr);
        }
    }
}

/// The official CLI takes the last of the two, so one of them would be lost in silence.
#[test]
fn an_option_given_twice_is_an_error() {
    for line in [
        "s3 ls --region us-east-1 --region eu-west-1",
        "--region us-east-1 s3 ls --reg=eu-west-1",
        "iam create-user --user-name a --user-name b",
        "ec2 describe-instances --instance-ids a --instance-id b",
    ] {
        assert!(refused(line).stderr.contains("given more than once"), "{line}");
    }
    assert!(refused("ec2 describe-instances --dry-run --no-dry-run").stderr.contains("Cannot specify both"));
}

/// The official CLI reads files of the host here, and its first version fetched URLs.
#[test]
fn values_are_never_loaded_from_elsewhere() {
    for line in [
        "ec2 describe-instances --filters file:///etc/passwd",
        "ec2 describe-instances --filters 'file://$AWS_SECRET_ACCESS_KEY'",
        "ec2 describe-instances --filters Name@=file:///etc/passwd",
        "ec2 describe-instances --filters http://host/",
        "ec2 describe-instances --cli-input-json file:///proc/self/environ",
        "ec2 run-instances --image-id a --user-data fileb://~/.aws/credentials",
        "iam create-policy --policy-name p --policy-document http://169.254.169.254/latest/meta-data/",
        "iam create-policy --policy-name p --policy-document https://169.254.169.254/latest/meta-data/",
        "rekognition detect-faces --image-bytes fileb:///etc/passwd",
        "s3api put-object --bucket b --key k --body /etc/passwd",
        "sts get-caller-identity --query file:///etc/passwd",
    ] {
        let error = refused(line);
        assert_eq!(error.exit_status, 252, "{line}");
        assert!(
            error.stderr.contains("No such file or directory")
                || error.stderr.contains("Blob values must be a path to a file.")
                || error.stderr.contains("not loaded from the network"),
            "{line}: {}",
            error.stderr
        );
        assert!(!error.stderr.contains("root:"), "{line}: {}", error.stderr);
    }
}

#[test]
fn values_come_from_the_jobs_own_files() {
    let files = MemoryFiles::new(1 << 10);
    files.write("ids.json", br#"["i-1", "i-2"]"#.as_slice().into()).expect("there is room");
    files.write("data", [0, 159, 146].as_slice().into()).expect("there is room");
    files.write("name", "é\r\n".into()).expect("there is room");
    let context = Context { files: &files, now: SystemTime::UNIX_EPOCH };
    for (line, expected) in [
        ("ec2 describe-instances --instance-ids file://ids.json", "{'InstanceIds': ['i-1', 'i-2']}"),
        ("ec2 describe-instances --filters Name@=file://name", "{'Filters': [{'Name': 'é\\n'}]}"),
        ("kms decrypt --ciphertext-blob fileb://data", "{'CiphertextBlob': b'\\x00\\x9f\\x92'}"),
        (
            "s3api put-object --bucket b --key k --body ./data",
            "{'Body': b'\\x00\\x9f\\x92', 'Bucket': 'b', 'Key': 'k'}",
        ),
    ] {
        let Ok(Command::Operation(parsed)) = command::parse(&words(line), context) else { panic!("{line}") };
        let text = python_text(&Value::Map(parsed.parameters.clone()));
        assert_eq!(text, expected, "{line}");
    }
    let error = command::parse(&words("ec2 describe-instances --filters file://data"), context)
        .expect_err("it is no text");
    assert!(error.stderr.contains("please use the fileb:// prefix"), "{}", error.stderr);
}

#[test]
fn a_region_is_one_label_of_a_host() {
    for name in ["us-east-1", "x", &"a".repeat(63)] {
        assert_eq!(
            parsed(&format!("sts get-caller-identity --region {name}")).globals.region.as_deref(),
            Some(name)
        );
    }
    for name in ["x@evil.example:443/#", "a.b", "a/b", "-a", "a-", "1", &"a".repeat(64), "a%2e", "''"] {
        let error = refused(&format!("sts get-caller-identity --region={name}"));
        assert!(error.stderr.contains("doesn't match a supported format"), "{name}: {}", error.stderr);
    }
}

#[test]
fn commands_of_the_clis_own_keep_their_words() {
    match command::parse(&words("s3 ls s3://bucket/ --recursive --region eu-west-1"), CONTEXT) {
        Ok(Command::Custom(custom)) => {
            assert_eq!(custom.options.command().path, ["s3", "ls"]);
            assert_eq!(custom.words, ["s3://bucket/", "--recursive"]);
            assert_eq!(custom.globals.region.as_deref(), Some("eu-west-1"));
        }
        other => panic!("{other:?}"),
    }
    assert!(
        refused("s3 lsx")
            .stderr
            .contains("argument subcommand: Found invalid choice 'lsx'\n\nMaybe you meant:\n\n  * ls")
    );
    assert!(matches!(command::parse(&words("--version"), CONTEXT), Ok(Command::Version)));
    assert!(matches!(
        command::parse(&words("ec2 wait instance-running --instance-ids i"), CONTEXT),
        Ok(Command::Wait(..))
    ));
}
