//! Addresses of the open net: nothing that only this machine or its network knows is asked by this program, however it is written.
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use url::{Host, Url};

/// https, and no address that only this machine or its network knows. What a name leads to is only known when it is asked
/// for: see [`PublicOnly`].
pub fn is_public(url: &Url) -> bool {
    url.scheme() == "https"
        && match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name.contains('.')
                    && ![".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end))
            }
            Some(Host::Ipv4(ip)) => is_public_ip(ip.into()),
            Some(Host::Ipv6(ip)) => is_public_ip(ip.into()),
            None => false,
        }
}

/// Whether an address is one of the open net (the special-purpose registries of RFC 6890). An IPv6 address that only wraps an
/// IPv4 one (mapped, translated, 6to4) is judged by what it wraps.
pub fn is_public_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_broadcast()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let wrapped = |high: u16, low: u16| {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(one, two, three, four))
    };
    match (a, b, c, d, e, f) {
        // ::ffff:a.b.c.d, and the old ::a.b.c.d, which also holds :: and ::1.
        (0, 0, 0, 0, 0, 0xffff | 0) => (f == 0xffff || (g, h) > (0, 1)) && wrapped(g, h),
        // NAT64 (64:ff9b::/96), and its prefix for local use.
        (0x64, 0xff9b, 0, 0, 0, 0) => wrapped(g, h),
        (0x64, 0xff9b, ..) => false,
        // 6to4.
        (0x2002, ..) => wrapped(b, c),
        // Teredo and the other tunnels of 2001::/23.
        (0x2001, 0..0x200, ..) => false,
        _ => {
            !(ip.is_multicast()
                || (a & 0xfe00) == 0xfc00
                || (a & 0xffc0) == 0xfe80
                || (a & 0xffc0) == 0xfec0
                || a == 0x100)
        }
    }
}

/// Why a name is not followed.
pub const INSIDE: &str = "the name leads into this network";

/// Whether a request ended because [`PublicOnly`] did not follow its name.
pub fn refused(error: &dyn std::error::Error) -> bool {
    let mut cause = Some(error);
    while let Some(one) = cause {
        if one.to_string() == INSIDE {
            return true;
        }
        cause = one.source();
    }
    false
}

/// Looks names up, and gives what they lead to only when all of it is public: what is checked is what is connected to, so a
/// name that changes its mind in between gains nothing.
pub struct PublicOnly {
    /// Names that may lead anywhere, because the operator says so.
    pub allowed: Arc<BTreeSet<String>>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.allowed);
        Box::pin(async move {
            let name = name.as_str().to_ascii_lowercase();
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !allowed.contains(&name) && !found.iter().all(|address| is_public_ip(address.ip())) {
                return Err(INSIDE.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
