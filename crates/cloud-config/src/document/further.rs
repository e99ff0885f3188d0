//! Documents after the first one, which are ignored. They are an error if they contain a host name, users or SSH keys.

use crate::diagnostic::{Finding, rules};
use crate::yaml::{self, Node, ParsedYaml};

/// The maximum number of further documents that are examined.
const DOCUMENTS_MAX: usize = 8;

/// Turns the finding about further documents in `text` into an error if one of them gives access.
pub(super) fn report_lost(document: &mut ParsedYaml, text: &str) {
    let root = document.root.clone();
    let Some(finding) = document.findings.iter_mut().find(|finding| finding.rule == &rules::MORE_DOCUMENTS) else {
        return;
    };
    let Some(mut start) = finding.span.map(|span| span.start) else { return };
    let lacks_hostname = root.is_none_or(|root| lacks(&root, "hostname"));
    for _ in 0..DOCUMENTS_MAX {
        let Some(above) = text.get(..start) else { return };
        let line = above.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let further = yaml::parse(&text[line..], |offset| offset);
        if further.root.is_some_and(|root| gives_access(&root, lacks_hostname)) {
            let message = "second YAML document; its host name, users or SSH keys are not applied";
            let help = "put everything into one document: remove the `---`";
            *finding = Finding::new(&rules::LOST_DOCUMENT, finding.span, message).help(help);
            return;
        }
        let next = further.findings.iter().find(|finding| finding.rule == &rules::MORE_DOCUMENTS);
        let Some(span) = next.and_then(|finding| finding.span).filter(|span| span.start > 0) else { return };
        start = line + span.start;
    }
}

fn gives_access(root: &Node, lacks_hostname: bool) -> bool {
    let is_filled = |key: &str| {
        let value = root.get(key);
        value.is_some_and(|value| !value.is_null() && value.items().is_none_or(|items| !items.is_empty()))
    };
    is_filled("ssh_authorized_keys") || is_filled("users") || lacks_hostname && is_filled("hostname")
}

fn lacks(root: &Node, key: &str) -> bool {
    root.get(key).is_none_or(Node::is_null)
}
