//! The native half of the Python package `pop3`: both machines of the core, and the blocking client.
//!
//! Events, commands, values and exceptions are plain Python classes of the package, where every type
//! checker sees them; this module makes them and reads them.

mod classes;
mod client;
mod errors;
mod proto;
mod text;

use pyo3::prelude::*;

/// The native half of `pop3`.
#[pymodule]
mod _pop3 {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::proto::message_octets;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Both are called `Client` or `Server` in `pop3.proto`; here they live beside `pop3.Client`.
        module.add("ProtoClient", module.py().get_type::<crate::proto::Client>())?;
        module.add("ProtoServer", module.py().get_type::<crate::proto::Server>())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
