//! What a call would be, where none is made: its request, its target, and URLs that others can make it with.

use super::wire::url_of;
use super::{CallError, Calls, Prepared};
use crate::endpoint::{Origin, Target, TargetError};
use crate::model::{Operation, Service};
use crate::serialize::HttpRequest;
use crate::sign;
use crate::value::Map;

impl Calls<'_> {
    /// The request that [`Calls::send`] would send first, signed, with its URL. Nothing is sent.
    ///
    /// # Errors
    /// When the parameters fit no request, or there is no place to send it to or no way to sign it.
    pub fn preview(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
    ) -> Result<(HttpRequest, String), CallError> {
        let (request, added) = self.request(service, operation, &mut params, None)?;
        let target = self.target(service, operation, &params, region)?;
        let credentials = &self.session.credentials;
        let prepared = Prepared::new((service, operation), &params, (&request, &added), credentials);
        Ok(self.signed(&prepared, &target)?)
    }

    /// Checks, as [`Calls::send`] does before it sends, that there is a request for `params` and a place to send it to.
    pub(crate) fn check(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
    ) -> Result<(), CallError> {
        self.request(service, operation, &mut params, None)?;
        match self.target(service, operation, &params, region) {
            // Nothing will be signed.
            Ok(_) | Err(TargetError::Signature { .. } | TargetError::NoToken) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The URL with which anybody can make a call of `operation`, which has no body, for `seconds`. Nothing is sent
    /// but for a session that the signature needs.
    pub(crate) async fn presign(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
        seconds: i64,
    ) -> Result<String, CallError> {
        let (request, _) = self.request(service, operation, &mut params, None)?;
        let target = self.target(service, operation, &params, region)?;
        let url = url_of(&target.url, &request);
        let keys = self.session_keys(service, &params, region, &target).await?;
        let (credentials, time) = (keys.as_ref().unwrap_or(&self.session.credentials), self.now());
        match &target.signing {
            Some(signing) => {
                Ok(sign::presign(&url, &[], signing, credentials, time, seconds, sign::ANY_PAYLOAD)?)
            }
            None => Ok(url),
        }
    }

    /// Where a call goes.
    pub(crate) fn target(
        &self,
        service: &Service,
        operation: &Operation,
        params: &Map,
        region: Option<&str>,
    ) -> Result<Target, TargetError> {
        let origin = Origin {
            region,
            endpoint: self.session.endpoint.as_ref(),
            account_id: self.session.credentials.account_id.as_deref(),
        };
        Target::find(service, operation, params, origin)
    }
}
