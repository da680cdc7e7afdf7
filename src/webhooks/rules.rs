//! What an endpoint may be.
use crate::db::webhooks::{ANY_TYPE, MessageType};
use crate::platforms::public::is_public;
use std::collections::BTreeSet;
use url::Url;

/// Endpoints of one organisation.
pub const MOST_ENDPOINTS: usize = 50;
const LONGEST_URL: usize = 2_048;

/// Why an endpoint cannot be; each with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFault {
    #[error(
        "'{0}' is no address that a message could be sent to; write one such as https://hooks.fernhill.example/adjutant"
    )]
    Url(String),
    #[error("the address is longer than {LONGEST_URL} characters")]
    TooLong,
    #[error(
        "an address must not hold a name or a password; every message is signed, check the signature instead"
    )]
    Credentials,
    #[error(
        "the address is not https, or leads into this network; use https and a public name, or have the operator name the \
         host in [webhooks] allow_hosts"
    )]
    Private,
    #[error("name at least one type, or \"*\" for all of them")]
    NoTypes,
    #[error("there is no type '{0}'; there are: *, {1}")]
    UnknownType(String, String),
}

/// Checks where messages are to go. `allowed` hosts may be of this network and without TLS.
pub fn check_url(text: &str, allowed: &BTreeSet<String>) -> Result<Url, WebhookFault> {
    if text.len() > LONGEST_URL {
        return Err(WebhookFault::TooLong);
    }
    let shown = || crate::text::clean(text, 100);
    let url = Url::parse(text).map_err(|_| WebhookFault::Url(shown()))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if host.is_empty() || !matches!(url.scheme(), "http" | "https") {
        return Err(WebhookFault::Url(shown()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WebhookFault::Credentials);
    }
    if allowed.contains(&host) || is_public(&url) { Ok(url) } else { Err(WebhookFault::Private) }
}

/// Checks the types that an endpoint wants; gives them in order, each once.
pub fn check_types(types: &[String]) -> Result<Vec<String>, WebhookFault> {
    if types.is_empty() {
        return Err(WebhookFault::NoTypes);
    }
    for name in types.iter().filter(|name| *name != ANY_TYPE) {
        if name.parse::<MessageType>().is_err() {
            let all: Vec<&str> = MessageType::ALL.iter().map(|kind| kind.as_str()).collect();
            return Err(WebhookFault::UnknownType(crate::text::clean(name, 100), all.join(", ")));
        }
    }
    Ok(types.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_public_and_encrypted_or_named_by_the_operator() {
        let none = BTreeSet::new();
        assert!(check_url("https://hooks.fernhill.example/a?b=c", &none).is_ok());
        assert_eq!(check_url("http://hooks.fernhill.example", &none), Err(WebhookFault::Private));
        assert_eq!(check_url("https://10.0.0.7/x", &none), Err(WebhookFault::Private));
        assert_eq!(check_url("https://me:pw@hooks.fernhill.example", &none), Err(WebhookFault::Credentials));
        for text in ["", "hooks", "ftp://fernhill.example/", "mailto:someone", "file:///etc/passwd"] {
            assert_eq!(check_url(text, &none), Err(WebhookFault::Url(text.to_owned())), "{text}");
        }
        assert_eq!(
            check_url(&format!("https://a.example/{}", "x".repeat(2_048)), &none),
            Err(WebhookFault::TooLong)
        );
        let allowed = BTreeSet::from(["10.0.0.7".to_owned(), "queue.internal".to_owned()]);
        assert!(check_url("http://10.0.0.7:8080/x", &allowed).is_ok());
        assert!(check_url("http://queue.internal/x", &allowed).is_ok());
        assert_eq!(check_url("http://10.0.0.8/x", &allowed), Err(WebhookFault::Private));
    }

    #[test]
    fn types_are_those_of_the_list() {
        let types = |names: &[&str]| check_types(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            types(&["sync.failed", "draft.created", "sync.failed"]).unwrap(),
            ["draft.created", "sync.failed"]
        );
        assert_eq!(types(&["*"]).unwrap(), ["*"]);
        assert_eq!(types(&[]), Err(WebhookFault::NoTypes));
        let fault = types(&["draft.eaten"]).unwrap_err().to_string();
        assert!(fault.contains("draft.eaten") && fault.contains("draft.created"), "{fault}");
    }
}
