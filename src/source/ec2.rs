//! `--from-ec2-metadata`: the metadata service of Amazon EC2, and compatible services (docs/datasources.md).

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;

use super::meta_data::address;
use super::session::{Session, TokenApi};
use super::{Availability, Context, Datasource, MetaData};

/// The address of `--from-metadata-service`.
pub const DEFAULT_ADDRESS: &str = "http://169.254.169.254/";

const API: &str = "2009-04-04/";
const META_DATA: &str = "2009-04-04/meta-data/";
const USER_DATA: &str = "2009-04-04/user-data";
/// The path of the IPv6 address, which does not exist in the version of the other paths.
const IPV6: &str = "latest/meta-data/ipv6";

/// The session token (`IMDSv2`). It is valid for six hours, the longest lifetime.
static TOKEN: TokenApi = TokenApi {
    path: "latest/api/token",
    headers: &[("X-aws-ec2-metadata-token-ttl-seconds", "21600")],
    header: "X-aws-ec2-metadata-token",
};

/// The metadata service of EC2.
pub struct Ec2 {
    session: Session,
}

impl Ec2 {
    /// Creates the source for the service at this base URL.
    pub fn new(base: &OsStr) -> Self {
        Self { session: Session::new(base, &[], Some(&TOKEN)) }
    }

    fn address<T: std::str::FromStr + Into<IpAddr>>(
        &self,
        path: &str,
        public: bool,
        meta: &mut MetaData,
        cx: &Context<'_>,
    ) {
        let text = self.session.text(path, meta, cx);
        if let Some(found) = address::<T>(&text, &self.session.display_url(path)) {
            meta.addresses.take(found.into(), public);
        }
    }
}

impl Datasource for Ec2 {
    fn name(&self) -> String {
        self.session.display_url(USER_DATA)
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        self.session.probe(API, cx).map_or_else(|unavailable| unavailable, |_| Availability::Here)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let mut meta = MetaData::default();
        self.session.keys(&format!("{META_DATA}public-keys"), &mut meta, cx);
        let hostname = self.session.text(&format!("{META_DATA}hostname"), &mut meta, cx);
        // With several domains, the service returns the name in each of them.
        meta.take_hostname(hostname.split_whitespace().next().unwrap_or_default());
        self.address::<Ipv4Addr>(&format!("{META_DATA}local-ipv4"), false, &mut meta, cx);
        self.address::<Ipv4Addr>(&format!("{META_DATA}public-ipv4"), true, &mut meta, cx);
        self.address::<Ipv6Addr>(IPV6, true, &mut meta, cx);
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.session.final_request();
        Ok(self.session.attribute(USER_DATA, None, cx)?.unwrap_or_default())
    }
}
