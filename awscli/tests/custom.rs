//! The commands of the official CLI's own, as a person sees them: what they print, ask for and leave in files. The
//! expected texts are those of the official CLI 2.38.5 for the same words and answers.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::collections::VecDeque;
use std::sync::Mutex;

use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::{Call, CallEnd, Journal, JournalFuture, Output, Session};
use awscli::transport::{Reading, Sending, Transport, TransportError};
use bytes::Bytes;
use session::session;

/// Gives its answers in order and the last one for ever, and notes what it is asked: the path and the body.
struct Service {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl Transport for Service {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a url::Url>, _: Reading) -> Sending<'a> {
        let asked = format!("{} {}", request.uri().path(), String::from_utf8_lossy(request.body()));
        self.asked.lock().unwrap().push(asked);
        // Parts of a file are known by their tags.
        let is_part = request.uri().query().is_some_and(|query| query.contains("partNumber="));
        let headers = is_part.then(|| ("etag".to_owned(), "\"x\"".to_owned())).into_iter().collect();
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move {
            let (status, body) =
                answer.ok_or_else(|| TransportError::Refused("nothing is answered".into()))?;
            Ok(HttpResponse { status, headers, body: body.into_bytes() })
        })
    }
}

/// What a command did.
struct Ran {
    output: Output,
    asked: Vec<String>,
    /// What it told the journal before it did it.
    entered: Vec<String>,
    files: MemoryFiles,
}

/// Notes the calls that it lets be made.
#[derive(Default)]
struct Book {
    entered: Mutex<Vec<String>>,
}

impl Journal for Book {
    fn before<'a>(&'a self, call: &'a Call) -> JournalFuture<'a> {
        let entry = format!("{:?} {} {}", call.effect, call.service, call.operation);
        self.entered.lock().unwrap().push(entry);
        Box::pin(async { Ok(()) })
    }

    fn after<'a>(&'a self, _: &'a Call, _: &'a CallEnd) -> JournalFuture<'a> {
        Box::pin(async { Ok(()) })
    }
}

impl Ran {
    fn stdout(&self) -> &str {
        std::str::from_utf8(&self.output.stdout).unwrap()
    }

    fn file(&self, path: &str) -> String {
        String::from_utf8(self.files.read(path).unwrap().to_vec()).unwrap()
    }
}

/// Runs `line`, whose words are parted by spaces.
async fn run(line: &str, answers: &[(u16, &str)], files: &[(&str, &str)], hide_secrets: bool) -> Ran {
    let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
    let service = Service { answers: Mutex::new(answers), asked: Mutex::default() };
    let memory = MemoryFiles::new(16 << 20);
    for (path, content) in files {
        memory.write(path, Bytes::from((*content).to_owned())).unwrap();
    }
    let journal = Book::default();
    let mut session = Session { journal: &journal, hide_secrets, ..session(&service, &memory) };
    session.budget.calls = 20;
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let output = awscli::run(&words, &session).await;
    let (asked, entered) = (service.asked.into_inner().unwrap(), journal.entered.into_inner().unwrap());
    Ran { output, asked, entered, files: memory }
}

#[tokio::test(start_paused = true)]
async fn logs_are_followed_until_the_budget_ends_it_and_no_event_comes_twice() {
    let event = |id: u32, time: u32, message: &str| {
        format!(
            r#"{{"logStreamName":"s","timestamp":{time},"message":"{message}","ingestionTime":0,"eventId":"{id}"}}"#
        )
    };
    let first = format!(r#"{{"events":[{}],"nextToken":"t"}}"#, event(1, 1, "x"));
    let second = format!(r#"{{"events":[{}]}}"#, event(2, 2, "y"));
    let third = format!(r#"{{"events":[{},{}]}}"#, event(2, 2, "y"), event(3, 2, "z"));
    let answers = [(200, &*first), (200, &*second), (200, &*third)];
    let ran = run("logs tail g --follow --format short", &answers, &[], false).await;
    assert_eq!(ran.stdout(), "1970-01-01T00:00:00 x\n1970-01-01T00:00:00 y\n1970-01-01T00:00:00 z\n");
    assert_eq!(ran.output.exit_status, 0);
    assert_eq!(ran.output.truncated.as_deref(), Some("the limit of 20 calls is reached"));
    assert!(ran.asked[0].contains(r#""startTime": 1736943896000}"#), "{}", ran.asked[0]);
    assert!(ran.asked[1].contains(r#""nextToken": "t""#) && ran.asked[2].contains(r#""startTime": 2}"#));
}

#[tokio::test]
async fn tokens_are_signed_as_by_the_official_cli() {
    let line =
        "rds generate-db-auth-token --hostname db.x.us-east-1.rds.amazonaws.com --port 5432 --username admin";
    let ran = run(line, &[], &[], false).await;
    assert_eq!(
        ran.stdout(),
        "db.x.us-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=admin&X-Amz-Algorithm=AWS4-HMAC-SHA256&\
         X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20250115%2Fus-east-1%2Frds-db%2Faws4_request&\
         X-Amz-Date=20250115T123456Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&\
         X-Amz-Security-Token=FwoGZXIvYXdzEXAMPLETOKEN&\
         X-Amz-Signature=b5c89a7ac08bf4265027174c77cb282f2a69e66345ea3e32681e571ccde90657\n"
    );
    let ran = run("eks get-token --cluster-name c --query status.token --output text", &[], &[], false).await;
    assert!(
        ran.stdout().starts_with("k8s-aws-v1.aHR0cHM6Ly9zdHMudXMtZWFzdC0xLmFtYXpvbmF3cy5jb20vP0FjdGlvbj1H")
    );
}

#[tokio::test]
async fn passwords_and_tokens_are_hidden_from_people() {
    let answer = r#"{"authorizationData":[{"authorizationToken":"QVdTOnNlY3JldA=="}]}"#;
    let ran = run("ecr get-login-password", &[(200, answer)], &[], false).await;
    assert_eq!(ran.stdout(), "secret\n");
    let lines = [
        "ecr get-login-password",
        "rds generate-db-auth-token --hostname db --port 1 --username u",
        "dsql generate-db-connect-auth-token --hostname db",
        "eks get-token --cluster-name c --query status.token --output text",
    ];
    for line in lines {
        let ran = run(line, &[(200, answer)], &[], true).await;
        assert_eq!((ran.stdout().trim(), ran.output.hidden), ("********", 1), "{line}");
        let words: Vec<&str> = line.split(' ').collect();
        let made = match ran.asked.len() {
            0 => format!("Write {} {}", words[0], words[1]),
            _ => "Write ecr GetAuthorizationToken".to_owned(),
        };
        assert_eq!(ran.entered, [made]);
    }
}

#[tokio::test]
async fn commands_run_under_no_other_role() {
    for line in [
        "eks get-token --cluster-name c --role-arn arn:aws:iam::1:role/r",
        "eks update-kubeconfig --name c --assume-role-arn arn:aws:iam::1:role/r",
    ] {
        let ran = run(line, &[(200, "{}")], &[], false).await;
        assert_eq!((ran.output.exit_status, ran.asked.len()), (252, 0), "{line}");
        assert!(ran.output.stderr.contains("under the role that is mapped to you"), "{line}");
    }
}

const TEMPLATE: &str =
    "Parameters:\n  Env: {Type: String}\n  Size: {Type: Number}\nResources:\n  B: !Sub x\n";
const NO_STACK: &str = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id s does not exist</Message></Error></ErrorResponse>";
const CHANGE_SET: &str = "<CreateChangeSetResponse><CreateChangeSetResult><Id>arn:cs</Id></CreateChangeSetResult></CreateChangeSetResponse>";

fn change_set_is(status: &str, reason: &str) -> String {
    format!(
        "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>{status}</Status><StatusReason>{reason}</StatusReason>\
         </DescribeChangeSetResult></DescribeChangeSetResponse>"
    )
}

#[tokio::test(start_paused = true)]
async fn a_template_is_deployed_by_a_change_set() {
    let made = change_set_is("CREATE_COMPLETE", "");
    let stack = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackStatus>CREATE_COMPLETE</StackStatus>\
                 </member></Stacks></DescribeStacksResult></DescribeStacksResponse>";
    let answers = [
        (400, NO_STACK),
        (200, CHANGE_SET),
        (200, &*made),
        (200, "<ExecuteChangeSetResponse><ExecuteChangeSetResult/></ExecuteChangeSetResponse>"),
        (200, stack),
    ];
    let line = "cloudformation deploy --template-file t.yaml --stack-name s --parameter-overrides Size=3=4 --tags a=b";
    let ran = run(line, &answers, &[("t.yaml", TEMPLATE)], false).await;
    assert_eq!(
        ran.stdout(),
        "\nWaiting for changeset to be created..\nWaiting for stack create/update to complete\nSuccessfully \
         created/updated stack - s\n",
        "{}",
        ran.output.stderr
    );
    // A stack that is new has no value for what is not given.
    assert!(
        ran.asked[1].ends_with(
            "&ChangeSetType=CREATE&Parameters.member.1.ParameterKey=Size&Parameters.member.1.ParameterValue=3%3D4&\
             Capabilities=&Description=Created+by+AWS+CLI+at+2025-01-15T12%3A34%3A56+UTC&Tags.member.1.Key=a&\
             Tags.member.1.Value=b"
        ),
        "{}",
        ran.asked[1]
    );
    assert!(ran.asked[3].ends_with("&ChangeSetName=arn%3Acs&StackName=s&DisableRollback=false"));
}

#[tokio::test(start_paused = true)]
async fn a_change_set_without_changes_or_that_fails_ends_the_deployment() {
    let same = change_set_is("FAILED", "No updates are to be performed.");
    let wrong = change_set_is("FAILED", "Bad thing");
    let line = "cloudformation deploy --template-file t.yaml --stack-name s";
    let cases = [
        (line, &same, 0, "\nNo changes to deploy. Stack s is up to date\n", ""),
        (
            "cloudformation deploy --template-file t.yaml --stack-name s --fail-on-empty-changeset",
            &same,
            255,
            "",
            "\naws: [ERROR]: No changes to deploy. Stack s is up to date\n",
        ),
        (
            line,
            &wrong,
            255,
            "",
            "\naws: [ERROR]: Failed to create the changeset: Waiter ChangeSetCreateComplete failed: Waiter encountered a \
             terminal failure state: For expression \"Status\" we matched expected path: \"FAILED\" Status: FAILED. Reason: \
             Bad thing\n",
        ),
    ];
    for (line, end, status, more, error) in cases {
        let ran =
            run(line, &[(400, NO_STACK), (200, CHANGE_SET), (200, end)], &[("t.yaml", TEMPLATE)], false)
                .await;
        assert_eq!(ran.stdout(), format!("\nWaiting for changeset to be created..\n{more}"), "{line}");
        assert_eq!((ran.output.exit_status, &*ran.output.stderr), (status, error), "{line}");
    }
}

#[tokio::test]
async fn overrides_come_in_four_forms_and_others_are_refused() {
    let form = "JSON passed to --parameter-overrides must be one of the formats";
    for (text, error) in [
        (r#"[{"ParameterKey":"Env","ParameterValue":"p"}]"#, ""),
        (r#"{"Parameters":{"Env":"p"}}"#, ""),
        (r#"["Env=p"]"#, ""),
        (r#"{"Env":"x"}"#, form),
        (r#"[{"ParameterKey":"Env"}]"#, form),
        ("[1]", "argument of type 'int' is not a container or iterable"),
        ("5", "'int' object is not iterable"),
        ("Env=p", "Expecting value: line 1 column 1 (char 0)"),
    ] {
        let line = "cloudformation deploy --template-file t --stack-name s --parameter-overrides file://p";
        let ran = run(line, &[(400, NO_STACK), (400, "")], &[("t", TEMPLATE), ("p", text)], false).await;
        match error {
            "" => assert!(
                ran.asked[1].contains("ParameterKey=Env&Parameters.member.1.ParameterValue=p"),
                "{text}"
            ),
            error => assert!(ran.output.stderr.contains(error), "{text}: {}", ran.output.stderr),
        }
    }
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts() {
    let template = "Resources: {A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: big}}}\n";
    let (big, key) = ("a".repeat(9 << 20), "61f246280efff5b3d7e1cdf29dc8e7a9");
    let made = "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>";
    // The parts and the end get the same answer.
    let part = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";
    let files = [("t.yaml", template), ("big", &*big)];
    let line = "cloudformation package --template-file t.yaml --s3-bucket bkt";
    let ran = run(line, &[(404, ""), (200, made), (200, part)], &files, false).await;
    assert_eq!(
        ran.entered,
        [
            "Read s3api HeadObject",
            "Write s3api CreateMultipartUpload",
            "Write s3api UploadPart",
            "Write s3api UploadPart",
            "Write s3api CompleteMultipartUpload",
        ]
    );
    let progress =
        |mib: usize, percent: &str| format!("\rUploading to {key}  {} / 9437184.0  ({percent}%)", mib << 20);
    assert!(ran.output.stderr.starts_with(&(progress(1, "11.11") + &progress(2, "22.22"))));
    assert!(ran.output.stderr.ends_with(&progress(9, "100.00")), "{}", ran.output.stderr);
    assert_eq!(ran.output.exit_status, 0);
    let no_bucket = "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>";
    let ran = run(line, &[(404, ""), (404, no_bucket)], &files, false).await;
    assert_eq!(
        ran.output.stderr,
        "\naws: [ERROR]: Unable to upload artifact big referenced by DefinitionUri parameter of A resource.\nS3 Bucket does not \
         exist. Execute the command to create a new bucket\naws s3 mb s3://bkt\n"
    );
}

#[tokio::test]
async fn a_template_is_packaged_with_the_files_that_it_names() {
    let template = "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: \
                    {Code: src, Name: \"yes\", Arn: !GetAtt a.b.c}\n  N:\n    Type: AWS::CloudFormation::Stack\n    \
                    Properties: {TemplateURL: ./n.yaml}\n";
    let files = [("app/t.yaml", template), ("app/n.yaml", "Resources: {}\n"), ("app/src/f.py", "print(1)\n")];
    let line =
        "cloudformation package --template-file app/t.yaml --s3-bucket bkt --output-template-file out.yaml";
    let ran = run(line, &[(200, "")], &files, false).await;
    assert_eq!(
        ran.stdout(),
        "\nSuccessfully packaged artifacts and wrote output template to file out.yaml.\nExecute the following command to \
         deploy the packaged template\naws cloudformation deploy --template-file out.yaml --stack-name <YOUR STACK NAME>\n",
        "{}",
        ran.output.stderr
    );
    let (archive, nested) = (ran.asked[0].trim(), ran.asked[1].trim());
    assert_eq!(
        ran.file("out.yaml"),
        format!(
            "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
             Code:\n        S3Bucket: bkt\n        S3Key: {}\n      Name: 'yes'\n      Arn:\n        Fn::GetAtt:\n        - \
             a\n        - b.c\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: \n        \
             https://s3.us-east-1.amazonaws.com/bkt{nested}\n",
            archive.trim_start_matches('/')
        )
    );
    let ran = run(
        "cloudformation package --template-file app/t.yaml --s3-bucket bkt",
        &[(200, "")],
        &files[..2],
        false,
    );
    assert_eq!(
        ran.await.output.stderr,
        "\naws: [ERROR]: Unable to upload artifact src referenced by Code parameter of F resource.\nParameter Code of \
         resource F refers to a file or folder that does not exist app/src\n"
    );
}

#[tokio::test]
async fn a_template_that_names_itself_ends_in_an_error() {
    let template = "Resources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: t.yaml}}}\n";
    let line = "cloudformation package --template-file t.yaml --s3-bucket bkt";
    let ran = run(line, &[(200, "")], &[("t.yaml", template)], false).await;
    assert!(ran.output.stderr.ends_with("maximum recursion depth exceeded\n") && ran.asked.is_empty());
}

#[tokio::test]
async fn a_cluster_is_added_to_the_jobs_kubeconfig() {
    let cluster = r#"{"cluster":{"name":"c","arn":"arn:aws:eks:us-east-1:1:cluster/c","endpoint":"https://e","status":"ACTIVE","certificateAuthority":{"data":"LS0="}}}"#;
    let old = "users: []\ncontexts: [{name: k}]\ncurrent-context: k\n";
    let line = "eks update-kubeconfig --name c --kubeconfig kc --alias a";
    let ran = run(line, &[(200, cluster)], &[("kc", old)], false).await;
    assert_eq!(ran.stdout(), "Added new context a to kc\n");
    assert_eq!(
        ran.file("kc"),
        "users:\n- name: arn:aws:eks:us-east-1:1:cluster/c\n  user:\n    exec:\n      apiVersion: \
         client.authentication.k8s.io/v1beta1\n      args:\n      - --region\n      - us-east-1\n      - eks\n      - \
         get-token\n      - --cluster-name\n      - c\n      - --output\n      - json\n      command: aws\ncontexts:\n- name: \
         k\n- context:\n    cluster: arn:aws:eks:us-east-1:1:cluster/c\n    user: arn:aws:eks:us-east-1:1:cluster/c\n  name: \
         a\ncurrent-context: a\nclusters:\n- cluster:\n    certificate-authority-data: LS0=\n    server: https://e\n  name: \
         arn:aws:eks:us-east-1:1:cluster/c\n"
    );
    let ran = run(line, &[(200, cluster)], &[("kc", "users: [1]")], false).await;
    assert_eq!(ran.output.stderr, "\naws: [ERROR]: Entry in users not a <class 'dict'>.\n");
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_is_deployed_by_codedeploy() {
    let service = r#"{"services":[{"serviceArn":"a","serviceName":"svc","clusterArn":"x/cl"}]}"#;
    let group = r#"{"deploymentGroupInfo":{"computePlatform":"ECS","ecsServices":[{"serviceName":"svc","clusterName":"cl"}],"blueGreenDeploymentConfiguration":{"deploymentReadyOption":{"waitTimeInMinutes":20},"terminateBlueInstancesOnDeploymentSuccess":{"terminationWaitTimeInMinutes":30}}}}"#;
    let answers = [
        (200, service),
        (200, r#"{"application":{"computePlatform":"ECS"}}"#),
        (200, group),
        (200, r#"{"taskDefinition":{"taskDefinitionArn":"arn:td:2"}}"#),
        (200, r#"{"deploymentId":"d-1"}"#),
        (200, r#"{"deploymentInfo":{"status":"InProgress"}}"#),
        (200, r#"{"deploymentInfo":{"status":"Succeeded"}}"#),
    ];
    let files = [
        ("td.json", r#"{"family":"f","containerDefinitions":[]}"#),
        ("as.yaml", "Resources:\n - S:\n    Properties: {TaskDefinition: x, n: é}\n"),
    ];
    let line = "ecs deploy --service svc --task-definition td.json --codedeploy-appspec as.yaml";
    let ran = run(line, &answers, &files, false).await;
    assert_eq!(
        ran.stdout(),
        "Successfully registered new ECS task definition arn:td:2\nSuccessfully created deployment d-1\nWaiting for d-1 to \
         succeed (will wait up to 60 minutes)...\nSuccessfully deployed arn:td:2 to service 'svc'\n"
    );
    assert!(
        ran.asked[4].contains(r#"{\"Resources\": [{\"S\": {\"Properties\": {\"TaskDefinition\": \"arn:td:2\", \"n\": \"\\u00e9\"}}}]}"#),
        "{}",
        ran.asked[4]
    );
    assert!(ran.asked[4].contains(r#""applicationName": "AppECS-cl-svc""#), "{}", ran.asked[4]);
}

#[tokio::test]
async fn parts_of_results_are_kept_in_files() {
    let keys = r#"{"certificatePem":"PEM\n","keyPair":{"PublicKey":"PUB","PrivateKey":"PRIV"}}"#;
    let line = "iot create-keys-and-certificate --certificate-pem-outfile c.pem --private-key-outfile k";
    let ran = run(line, &[(200, keys)], &[], false).await;
    assert_eq!((ran.file("c.pem"), ran.file("k")), ("PEM\n".to_owned(), "PRIV".to_owned()));
    // What is hidden from people is hidden in the files that they could print.
    let ran = run(line, &[(200, keys)], &[], true).await;
    assert_eq!(ran.file("k"), "********");
    let device = "<CreateVirtualMFADeviceResponse><CreateVirtualMFADeviceResult><VirtualMFADevice><SerialNumber>n</SerialNumber>\
                  <Base32StringSeed>U0VFRA==</Base32StringSeed><QRCodePNG>UU5H</QRCodePNG></VirtualMFADevice>\
                  </CreateVirtualMFADeviceResult></CreateVirtualMFADeviceResponse>";
    let line = "iam create-virtual-mfa-device --virtual-mfa-device-name x --outfile o --bootstrap-method Base32StringSeed";
    let ran = run(line, &[(200, device)], &[], false).await;
    assert_eq!(ran.file("o"), "SEED");
    assert_eq!(ran.stdout(), "{\n    \"VirtualMFADevice\": {\n        \"SerialNumber\": \"n\"\n    }\n}\n");
}

#[tokio::test]
async fn what_must_be_a_zip_file_is_checked() {
    let line = "lambda update-function-code --function-name f --zip-file fileb://x";
    let ran = run(line, &[(200, "{}")], &[("x", "text")], false).await;
    assert_eq!(
        ran.output.stderr,
        "\naws: [ERROR]: An error occurred (ParamValidation): --zip-file must be a zip file with the fileb:// prefix.\nExample \
         usage:  --zip-file fileb://path/to/file.zip\n"
    );
    let empty = "PK\u{5}\u{6}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let line = "lambda publish-layer-version --layer-name l --zip-file fileb://x";
    let ran = run(line, &[(200, "{}")], &[("x", empty)], false).await;
    assert!(
        ran.asked[0].ends_with(r#"{"Content": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}"#),
        "{:?}",
        ran.asked
    );
}

#[tokio::test]
async fn a_cluster_of_emr_is_made_of_simple_options() {
    let made = [(200, r#"{"JobFlowId":"j-1","ClusterArn":"arn"}"#)];
    let line = "emr create-cluster --release-label emr-6.0.0 --instance-type m5.xlarge --instance-count 3 \
                --use-default-roles --applications Name=Hive --tags a=b c --steps Type=HIVE,Args=[-f,s3://x]";
    let ran = run(line, &made, &[], false).await;
    assert_eq!(ran.stdout(), "{\n    \"ClusterId\": \"j-1\",\n    \"ClusterArn\": \"arn\"\n}\n");
    assert_eq!(
        ran.asked,
        [r#"/ {"Name": "Development Cluster", "ReleaseLabel": "emr-6.0.0", "ServiceRole": "EMR_DefaultRole", "#
            .to_owned()
            + r#""VisibleToAllUsers": true, "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}], "#
            + r#""Instances": {"InstanceGroups": [{"InstanceType": "m5.xlarge", "InstanceCount": 1, "#
            + r#""InstanceRole": "MASTER", "Name": "MASTER", "Market": "ON_DEMAND"}, {"InstanceType": "m5.xlarge", "#
            + r#""InstanceCount": 2, "InstanceRole": "CORE", "Name": "CORE", "Market": "ON_DEMAND"}], "#
            + r#""KeepJobFlowAliveWhenNoSteps": true, "TerminationProtected": false}, "#
            + r#""JobFlowRole": "EMR_EC2_DefaultRole", "Applications": [{"Name": "Hive"}], "#
            + r#""Steps": [{"Name": "Hive program", "ActionOnFailure": "CONTINUE", "HadoopJarStep": "#
            + r#"{"Jar": "command-runner.jar", "Args": ["hive-script", "--run-hive-script", "--args", "-f", "s3://x"]}}]}"#]
    );
    for (options, exit_status, error) in [
        ("--instance-type a", 252, "Either --ami-version or --release-label is required.\n"),
        (
            "--ami-version 3.1 --instance-type a --steps Type=Foo",
            252,
            "The step type foo is not supported.\n",
        ),
        (
            "--release-label r --instance-groups InstanceGroupType=MASTER,InstanceCount=1",
            252,
            "Parameter validation failed:\nMissing required parameter in [0]: \"InstanceType\"\n",
        ),
        (
            "--release-label r --instance-type a --steps Type=PIG,Args=a",
            252,
            "Some of the steps require the following applications to be installed: Pig. Please install the applications \
             using --applications.\n",
        ),
        (
            "--release-label r --instance-type a --ebs-root-volume-size x",
            255,
            "for int() with base 10: 'x'\n",
        ),
    ] {
        let ran = run(&format!("emr create-cluster {options}"), &made, &[], false).await;
        assert_eq!(ran.output.exit_status, exit_status, "{options}");
        assert!(ran.output.stderr.ends_with(error), "{options}: {}", ran.output.stderr);
        assert!(ran.asked.is_empty(), "{options}");
    }
}

#[tokio::test]
async fn a_cluster_with_a_release_takes_no_command_of_before() {
    let answers = [(200, r#"{"Cluster":{"ReleaseLabel":"emr-6.0.0"}}"#)];
    let ran = run("emr create-hbase-backup --cluster-id j-1 --dir s3://b", &answers, &[], false).await;
    assert!(
        ran.output.stderr.ends_with(": create-hbase-backup is not supported with 'emr-6.0.0' release.\n")
    );
    assert_eq!((ran.output.exit_status, ran.asked.len()), (252, 1));
    let ran = run("emr add-steps --cluster-id j-1 --steps Type=Spark,Args=x", &answers, &[], false).await;
    assert!(ran.asked[1].contains(r#""Args": ["spark-submit", "x"]"#), "{}", ran.asked[1]);
}

#[tokio::test]
async fn pods_of_a_cluster_get_a_role_and_what_was_made_is_taken_back_on_an_error() {
    let cluster = r#"{"cluster":{"arn":"arn:aws:eks:us-east-1:123456789012:cluster/c"}}"#;
    let made = r#"{"association":{"clusterName":"c","associationId":"a-1"}}"#;
    let line = "emr-containers create-role-associations --cluster-name c --namespace n --role-name EMRRole";
    let ran = run(line, &[(200, cluster), (200, made), (400, "{}"), (200, made)], &[], false).await;
    assert_eq!(ran.output.exit_status, 255);
    let account = |part: &str| format!("emr-containers-sa-spark-{part}-123456789012-5c2kvbht55x");
    assert!(ran.asked[1].contains(&account("client")) && ran.asked[2].contains(&account("driver")));
    assert_eq!(ran.asked[3], "/clusters/c/pod-identity-associations/a-1 ");
    assert!(ran.output.stderr.starts_with(&format!(
        "Rolling back association for service account {} and role EMRRole in namespace n as an error was encountered\n",
        account("driver")
    )));
}

#[tokio::test]
async fn an_application_is_pushed_as_an_archive_without_what_is_hidden() {
    let line =
        "deploy push --application-name app --s3-location s3://b/k.zip --source app --ignore-hidden-files";
    let files = [("app/appspec.yml", "version: 0.0"), ("app/.git/x", "secret"), ("other", "not this")];
    let ran = run(line, &[(200, "")], &files, false).await;
    // An answer without a tag is no upload.
    assert!(ran.output.stderr.ends_with("[ERROR]: 'ETag'\n"), "{}", ran.output.stderr);
    assert!(ran.asked[0].starts_with("/b/k.zip PK"), "{}", ran.asked[0]);
    assert!(ran.asked[0].contains("version: 0.0") && !ran.asked[0].contains("secret"));
    let ran = run(line, &[(200, "")], &files[1..], false).await;
    assert_eq!(ran.output.stderr, "\naws: [ERROR]: app/appspec.yml was not found\n");
}

#[tokio::test]
async fn the_place_of_a_revision_is_whole_and_in_the_official_order() {
    let place = "version=3,bucket=b,bundleType=zip,key=k";
    let ran = run(
        &format!("deploy create-deployment --application-name a --s3-location {place}"),
        &[(200, "{}")],
        &[],
        false,
    )
    .await;
    assert_eq!(
        ran.asked,
        [
            r#"/ {"applicationName": "a", "revision": {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k", "bundleType": "zip", "version": "3"}}}"#
        ]
    );
    let line = "deploy create-deployment --application-name a --github-location commitId=abc";
    let ran = run(line, &[], &[], false).await;
    assert_eq!(
        ran.output.stderr,
        "\naws: [ERROR]: An error occurred (ParamValidation): --github-location must specify repository and commitId.\n"
    );
}

#[tokio::test]
async fn a_region_in_capitals_is_signed_as_its_host_in_small_letters() {
    let line = "ec2 copy-snapshot --source-region EU-WEST-1 --source-snapshot-id snap-1";
    let ran = run(line, &[(200, "<CopySnapshotResponse/>")], &[], false).await;
    assert!(
        ran.asked[0].contains("PresignedUrl=https%3A%2F%2Fec2.EU-WEST-1.amazonaws.com"),
        "{}",
        ran.asked[0]
    );
    let signature = "X-Amz-Signature%3Dfa6736369b74805b2bd3aa6e8b6248ec55b43288fff364781bf97b742cb2e6d1";
    assert!(ran.asked[0].contains(signature), "{}", ran.asked[0]);
}

#[tokio::test]
async fn a_machine_is_registered_with_a_user_and_no_key_is_made_where_people_see_it() {
    let user = "--iam-user-arn arn:aws:iam::123456789012:user/x";
    let ran = run(
        &format!("deploy register --instance-name m --tags Key=a,Value=b {user}"),
        &[(200, "")],
        &[],
        true,
    )
    .await;
    assert_eq!(ran.output.exit_status, 0);
    assert_eq!(ran.asked[1], r#"/ {"tags": [{"Key": "a", "Value": "b"}], "instanceNames": ["m"]}"#);
    let ran = run("deploy register --instance-name m", &[(200, "")], &[], true).await;
    assert!(ran.asked.is_empty() && ran.output.stderr.contains("--iam-user-arn must be given here"));
    let ran = run(&format!("deploy register --instance-name i-1 {user}"), &[], &[], false).await;
    assert!(ran.output.stderr.ends_with("Instance name cannot start with 'i-'.\n"));
    let refused = r#"{"__type":"InstanceNameAlreadyRegisteredException","message":"dup"}"#;
    let ran = run(&format!("deploy register --instance-name m {user}"), &[(400, refused)], &[], false).await;
    assert_eq!((ran.output.exit_status, ran.stdout()), (255, "Registering the on-premises instance... "));
    assert!(
        ran.output.stderr.starts_with("ERROR\nAn error occurred (InstanceNameAlreadyRegisteredException)")
    );
}

#[tokio::test]
async fn a_pipeline_is_defined_in_the_form_for_people() {
    let definition = r#"{"objects":[{"id":"A","b":["x",{"ref":"S"}],"a":"1"}],"values":{"p":"v"}}"#;
    let line = "datapipeline put-pipeline-definition --pipeline-id df-1 --pipeline-definition file://d.json";
    let answers = [(200, r#"{"errored":false}"#)];
    let ran = run(line, &answers, &[("d.json", definition)], false).await;
    assert_eq!(
        ran.asked,
        [r#"/ {"pipelineId": "df-1", "pipelineObjects": [{"id": "A", "name": "A", "fields": [{"key": "a", "#
            .to_owned()
            + r#""stringValue": "1"}, {"key": "b", "stringValue": "x"}, {"key": "b", "refValue": "S"}]}], "#
            + r#""parameterValues": [{"id": "p", "stringValue": "v"}]}"#]
    );
    let line = format!("{line} --parameter-values p=1 p=2");
    let ran = run(&line, &answers, &[("d.json", definition)], false).await;
    let values = r#""parameterValues": [{"id": "p", "stringValue": "1"}, {"id": "p", "stringValue": "2"}]"#;
    assert!(ran.asked[0].contains(values), "{}", ran.asked[0]);
    let ran = run(&line, &answers, &[("d.json", r#"{"objects":[{"name":"x"}]}"#)], false).await;
    let error = "Error in pipeline definition: Missing \"id\" key of element: {\"name\": \"x\"}\n";
    assert!(ran.output.stderr.ends_with(error), "{}", ran.output.stderr);
    let stored = r#"{"pipelineObjects":[{"id":"A","name":"A","fields":[{"key":"b","stringValue":"x"},{"key":"b","stringValue":"y"}]}]}"#;
    let line = "datapipeline get-pipeline-definition --pipeline-id df-1 --query objects[0].b --output text";
    assert_eq!(run(line, &[(200, stored)], &[], false).await.stdout(), "x\ty\n");
}

#[tokio::test]
async fn items_are_selected_and_put_as_plain_yaml() {
    let items = r#"{"Items":[{"n":{"N":"1.50"},"e":{"N":"1E+30"},"b":{"B":"aGVsbG8="},"s":{"SS":["y","x"]},"m":{"M":{"k":{"S":"1"}}}}],"Count":1}"#;
    let ran = run("ddb select t --filter a=1", &[(200, items)], &[], false).await;
    assert_eq!(
        ran.stdout(),
        "Count: 1\nItems:\n- b: !!binary \"aGVsbG8=\"\n  e: !!int 1E+30\n  m:\n    k: '1'\n  n: 1.50\n  s: !!set\n    \
         x: null\n    y: null\n"
    );
    assert_eq!(
        ran.asked,
        [r##"/ {"TableName": "t", "ConsistentRead": true, "FilterExpression": "#n0 = :n1", "##.to_owned()
            + r##""ExpressionAttributeNames": {"#n0": "a"}, "ExpressionAttributeValues": {":n1": {"N": "1"}}, "##
            + r#""ReturnConsumedCapacity": "NONE"}"#]
    );
    let yaml = [("i.yaml", "a: 1.10\nb: !!binary aGVsbG8=\nc: !!set {x}\nd: [null, true, 'q']\n")];
    let ran = run("ddb put t file://i.yaml", &[(200, "{}")], &yaml, false).await;
    assert_eq!(
        ran.asked,
        [r#"/ {"ReturnConsumedCapacity": "NONE", "TableName": "t", "Item": {"a": {"N": "1.10"}, "#
            .to_owned()
            + r#""b": {"B": "aGVsbG8="}, "c": {"SS": ["x"]}, "d": {"L": [{"NULL": true}, {"BOOL": true}, {"S": "q"}]}}}"#]
    );
    for (line, error) in [
        ("ddb select t --output json", "json output format is not supported for ddb commands\n"),
        ("ddb put t [{},{}] --condition a", "--condition is not supported for multiple items\n"),
        ("ddb put t file://i.yaml", "value: 1, type: <class 'int'>, valid types: <class 'str'>\n"),
    ] {
        let ran = run(line, &[(200, "{}")], &[("i.yaml", "1: x")], false).await;
        assert!(ran.output.stderr.ends_with(error), "{line}: {}", ran.output.stderr);
        assert_eq!((ran.output.exit_status, ran.asked.len()), (252, 0), "{line}");
    }
}

#[tokio::test]
async fn a_builds_archive_goes_up_under_lent_keys_that_nobody_sees() {
    let built = r#"{"Build":{"BuildId":"build-1"}}"#;
    let lent = r#"{"UploadCredentials":{"AccessKeyId":"AKLENT","SecretAccessKey":"s3cr3t","SessionToken":"t0k3n"},"StorageLocation":{"Bucket":"b","Key":"k"}}"#;
    let answers = [(200, built), (200, lent), (200, "")];
    let line = "gamelift upload-build --name n --build-version v --build-root r";
    let ran = run(line, &answers, &[("r/a.txt", "hello")], true).await;
    assert!(ran.stdout().ends_with("Successfully uploaded r to AWS GameLift\nBuild ID: build-1\n"));
    assert!(ran.asked[2].starts_with("/b/k PK") && !format!("{:?}", ran.output).contains("s3cr3t"));
    let ran = run(line, &answers, &[], true).await;
    assert_eq!(ran.output.exit_status, 255);
    assert_eq!(ran.output.stderr, "Fail to upload r. The build root directory is empty or does not exist.\n");
}

#[tokio::test]
async fn a_log_is_fetched_from_aws_only() {
    let line = "gamelift get-game-session-log --game-session-id g --save-as log.zip";
    for url in ["https://example.com/x", "http://b.s3.amazonaws.com/x", "https://amazonaws.com.example.com/x"]
    {
        let answer = format!(r#"{{"PreSignedUrl":"{url}"}}"#);
        let ran = run(line, &[(200, &answer)], &[], false).await;
        assert_eq!(ran.output.stderr, format!("\naws: [ERROR]: {url} is no address of AWS\n"));
        assert_eq!(ran.asked.len(), 1, "{url}");
    }
    let answers = [(200, r#"{"PreSignedUrl":"https://b.s3.amazonaws.com/log?x=1"}"#), (200, "the log")];
    let ran = run(line, &answers, &[], false).await;
    assert_eq!(
        ran.stdout(),
        "Downloading log archive for game session g...\rSuccessfully downloaded log archive for game session g to \
         log.zip\n"
    );
    assert_eq!(ran.file("log.zip"), "the log");
    assert_eq!(ran.entered, ["Read gamelift GetGameSessionLogUrl"; 2]);
}

#[tokio::test]
async fn exported_results_are_compared_with_what_was_signed() {
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, hash.as_bytes(), &mut signature).unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let signed = format!(
        r#"{{"files":[{{"fileHashValue":"{hash}","fileName":"r.csv"}}],"queryCompleteTime":"2022-05-10T22:06:30Z","hashSignature":"{hex}","publicKeyFingerprint":"fp"}}"#
    );
    let keys = format!(
        r#"{{"PublicKeyList":[{{"Fingerprint":"fp","Value":"{}"}}]}}"#,
        STANDARD.encode(key.public_key().as_ref())
    );
    let line = "cloudtrail verify-query-results --local-export-path e";
    let files = [("e/result_sign.json", &*signed), ("e/r.csv", "abc")];
    let ran = run(line, &[(200, &keys)], &files, false).await;
    assert_eq!(ran.stdout(), "Successfully validated sign and query result files\n");
    assert_eq!(ran.asked, [r#"/ {"StartTime": 1652220390, "EndTime": 1653948390}"#]);
    let changed = signed.replace(&hex[..8], "00000000");
    for (files, error) in [
        ([("e/result_sign.json", &*signed), ("e/r.csv", "abd")], "File r.csv has inconsistent hash value"),
        ([("e/result_sign.json", &*changed), ("e/r.csv", "abc")], "Invalid signature in sign file\n"),
    ] {
        let ran = run(line, &[(200, &keys)], &files, false).await;
        assert!(
            ran.output.stderr.starts_with(&format!("\naws: [ERROR]: ValidationError: {error}")),
            "{}",
            ran.output.stderr
        );
        assert_eq!(ran.output.exit_status, 255);
    }
}
