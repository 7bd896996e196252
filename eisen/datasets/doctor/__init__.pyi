from .check import check_data as check_data
from .findings import Finding as Finding
from .html import write_html as write_html
from .kinds import KINDS as KINDS
from .kinds import Kind as Kind
from .kinds import Severity as Severity
from .report import DataReport as DataReport
