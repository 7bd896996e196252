from .limits import Limits as Limits
from .service import PackageBackend as PackageBackend
