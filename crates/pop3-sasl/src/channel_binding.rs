//! Channel binding data, as the caller took it from TLS.

use std::fmt;

use crate::Secret;

/// The label to ask the TLS exporter for (RFC 9266 section 2); the context is empty.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// How many octets to ask the TLS exporter for (RFC 9266 section 2).
pub const EXPORTER_LENGTH: usize = 32;

/// What ties an authentication to one TLS channel: a type and its data.
///
/// `tls-unique` is left out on purpose: it is undefined on TLS 1.3 and unsafe on most of TLS 1.2
/// (RFC 9266 section 3, RFC 7677 section 4). `tls-exporter` may be used on TLS 1.3, and on TLS 1.2 only with
/// an extended master secret (RFC 9266 section 4.2); the caller, who knows the version, sees to that.
#[derive(Clone)]
pub struct ChannelBinding {
    kind: &'static str,
    data: Secret,
}

impl ChannelBinding {
    /// `tls-exporter`: what the exporter gave for [`EXPORTER_LABEL`], an empty context and
    /// [`EXPORTER_LENGTH`] octets (RFC 9266).
    #[must_use]
    pub fn tls_exporter(exported: [u8; EXPORTER_LENGTH]) -> Self {
        Self { kind: "tls-exporter", data: Secret::from(&exported[..]) }
    }

    /// `tls-server-end-point`: the hash of the server's certificate (RFC 5929 section 4.1).
    #[must_use]
    pub fn tls_server_end_point(certificate_hash: &[u8]) -> Self {
        Self { kind: "tls-server-end-point", data: Secret::from(certificate_hash) }
    }

    /// The registered name of the type, as it stands in the GS2 header.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBinding").field("kind", &self.kind).finish_non_exhaustive()
    }
}
