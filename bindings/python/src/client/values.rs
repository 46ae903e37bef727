use pop3_client::{Capabilities, proto::types};
use pyo3::{
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::{classes::class, text};

pub(super) fn drop_listing(py: Python<'_>, listing: types::DropListing) -> PyResult<Bound<'_, PyAny>> {
    class!(py, "pop3._values", "DropListing")?.call1((listing.count, listing.size.0))
}

pub(super) fn scan_listing<'py>(
    py: Python<'py>,
    listing: &types::ScanListing,
) -> PyResult<Bound<'py, PyAny>> {
    class!(py, "pop3._values", "ScanListing")?.call1((listing.number.value(), listing.size.0))
}

pub(super) fn unique_id_listing<'py>(
    py: Python<'py>,
    listing: &types::UniqueIdListing<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let unique_id = text::unique_id(py, &listing.unique_id)?;
    class!(py, "pop3._values", "UniqueIdListing")?.call1((listing.number.value(), unique_id))
}

/// Tags with their parameters; a tag that comes twice has the parameters of both.
pub(super) fn capabilities<'py>(py: Python<'py>, announced: &Capabilities) -> PyResult<Bound<'py, PyDict>> {
    let tags = PyDict::new(py);
    for capability in announced {
        let (tag, parameters) = text::capability(capability);
        let parameters = PyTuple::new(py, parameters)?;
        match tags.get_item(&tag)? {
            Some(before) => tags.set_item(tag, before.add(parameters)?)?,
            None => tags.set_item(tag, parameters)?,
        }
    }
    Ok(tags)
}
