//! Addresses that services give: where their own calls go, and where to fetch what they keep.

use bytes::Bytes;

use super::{CallError, Calls, State};
use crate::catalog;
use crate::endpoint::{Target, is_valid_host_label};
use crate::model::{Operation, Service};
use crate::session::{CallEnd, Effect};
use crate::value::{Map, Value};

impl Calls<'_> {
    /// The address that a service without a fixed one gives for the calls of this run. Addresses outside of AWS's own
    /// names are not gone to, whoever gives them.
    pub(super) async fn discovered(
        &self,
        service: &Service,
        region: Option<&str>,
        fixed: &Target,
    ) -> Result<String, CallError> {
        let known =
            |state: &State| Some(state.discovered.iter().find(|(url, _)| *url == fixed.url)?.1.clone());
        if let Some(url) = known(&self.state()) {
            return Ok(url);
        }
        let bad = |what: &str| CallError::Discovery(format!("{}: {what}", service.command));
        let operation = service.operation_named("DescribeEndpoints");
        let operation = operation.ok_or_else(|| bad("it has no operation that gives its address"))?;
        let answer = self.send(service, operation, Map::new(), region).await?.value;
        let first = match answer.get("Endpoints") {
            Some(Value::List(endpoints)) => endpoints.first(),
            _ => None,
        };
        let host = first.and_then(|endpoint| endpoint.get("Address")?.as_str());
        let host = host.ok_or_else(|| bad("the answer holds no address"))?;
        if !is_of_aws(host, region) {
            return Err(bad(&format!("{host} is no address of AWS")));
        }
        let url = format!("https://{host}");
        self.state().discovered.push((fixed.url.clone(), url.clone()));
        Ok(url)
    }

    /// What is at a URL that a call of `operation` gave. Whatever the URL, it is a read for the journal: the request is a GET
    /// that none of the session's keys signs. Hosts outside of AWS's own names are not gone to.
    pub(crate) async fn fetch(
        &self,
        service: &Service,
        operation: &Operation,
        url: &str,
        region: Option<&str>,
    ) -> Result<Vec<u8>, CallError> {
        let parsed = url::Url::parse(url).ok().filter(|parsed| parsed.scheme() == "https");
        let is_own = parsed.as_ref().and_then(url::Url::host_str).is_some_and(|host| is_of_aws(host, region));
        let request = http::Request::get(url).body(Bytes::new());
        let Some(request) = request.ok().filter(|_| is_own) else {
            return Err(CallError::Download(format!("{url} is no address of AWS")));
        };
        self.check_budget()?;
        let call = self.begin(&service.command, &operation.name, Effect::Read).await?;
        let answer = self.exchange(request, None, None).await;
        let end = if answer.is_some() { CallEnd::Done } else { CallEnd::Unknown };
        self.leave(&call, &end).await;
        let response = match answer {
            None => return Err(CallError::Timeout { url: url.to_owned() }),
            Some(Err(error)) => return Err(CallError::Download(format!("<urlopen error {error}>"))),
            Some(Ok(response)) => response,
        };
        match response.status {
            200..300 => Ok(response.body),
            status => {
                let reason =
                    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
                Err(CallError::Download(format!("HTTP Error {status}: {}", reason.unwrap_or_default())))
            }
        }
    }
}

/// Whether a host is below the name of a region's partition.
fn is_of_aws(host: &str, region: Option<&str>) -> bool {
    let partition = region.and_then(|region| catalog::partitions().of_region(region));
    let suffix = partition.map_or("amazonaws.com", |partition| partition.dns_suffix.as_str());
    let below = host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    below && is_valid_host_label(host, true)
}
