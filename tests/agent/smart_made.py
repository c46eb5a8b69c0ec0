"""
What smartctl would say of disks of which no recording was found, as its JSON.

NOT_A_DISK and NOT_THERE are recordings of smartctl 7.3 on the machine this was written on (a
virtual disk, and a name that is none). All others are made by hand, no disk said them: in the
form of smartctl 7.3, with exit codes as its manual page explains them. What real disks said is in
``recordings/smart``.
"""

import json
from typing import Any


def _said(status: int, *messages: str, **facts: Any) -> str:
    told = [{"string": message, "severity": "error"} for message in messages]
    smartctl = {
        "version": [7, 3],
        "svn_revision": "5338",
        "platform_info": "x86_64-linux-6.1.0-18-amd64",
        "build_info": "(local build)",
        "argv": ["smartctl", "--json", "--all", "/dev/sda"],
        **({"messages": told} if told else {}),
        "exit_status": status,
    }
    local = {"time_t": 1795389506, "asctime": "Sun Nov 22 23:18:26 2026 UTC"}
    document = {"json_format_version": [1, 0], "smartctl": smartctl, "local_time": local}
    return json.dumps(document | facts, indent=2)


def _attribute(number: int, name: str, value: int, threshold: int, raw: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "value": value,
        "worst": value,
        "thresh": threshold,
        "when_failed": "now" if value <= threshold else "",
        "flags": {"value": 51, "string": "PO--CK ", "prefailure": True},
        "raw": {"value": raw, "string": str(raw)},
    }


def _fine(spare: int = 100) -> Any:
    """A SATA disk that passes, with so much of its spare blocks left."""
    return {
        "device": {"name": "/dev/sda", "info_name": "/dev/sda [SAT]", "type": "sat",
                   "protocol": "ATA"},
        "model_name": "EXAMPLE HD4000", "serial_number": "X0001",
        "smart_support": {"available": True, "enabled": True},
        "smart_status": {"passed": True},
        "ata_smart_attributes": {
            "revision": 16,
            "table": [
                _attribute(1, "Raw_Read_Error_Rate", 100, 16, 0),
                _attribute(5, "Reallocated_Sector_Ct", spare, 5, 0),
                _attribute(9, "Power_On_Hours", 91, 0, 12345),
            ],
        },
        "power_on_time": {"hours": 12345}, "temperature": {"current": 31},
    }  # fmt: skip


def _nvme(*, used: int, errors: int) -> Any:
    return {
        "device": {"name": "/dev/nvme0", "info_name": "/dev/nvme0", "type": "nvme",
                   "protocol": "NVMe"},
        "model_name": "EXAMPLE NV1000", "serial_number": "X0002",
        "smart_status": {"passed": True, "nvme": {"value": 0}},
        "nvme_smart_health_information_log": {
            "critical_warning": 0, "temperature": 36, "available_spare": 100,
            "available_spare_threshold": 10, "percentage_used": used, "power_on_hours": 2401,
            "media_errors": errors, "num_err_log_entries": 0,
        },
        "temperature": {"current": 36}, "power_on_time": {"hours": 2401},
    }  # fmt: skip


SILENT = _said(0, **{key: fact for key, fact in _fine().items() if key != "smart_status"})
ATA_AT_THRESHOLD = _said(16, **_fine(spare=5))
ATA_LOGGED = _said(
    64, **_fine(), ata_smart_error_log={"summary": {"revision": 1, "count": 56, "logged_count": 5}}
)
ATA_DAMAGED = _said(4, "SMART Attribute Data Structure: invalid SMART checksum", **_fine())
NVME_USED = _said(0, **_nvme(used=104, errors=0))
NVME_FULL_COUNTER = _said(0, **_nvme(used=3, errors=2**64 - 1))


def _sas(*, defects: int, uncorrected: int) -> Any:
    """In the form of a TOSHIBA AL13SXB60EN, as smartctl 7.2 told of it in the tests of Checkmk."""
    return {
        "device": {"name": "/dev/sda", "info_name": "/dev/sda", "type": "scsi",
                   "protocol": "SCSI"},
        "model_name": "EXAMPLE SAS600", "serial_number": "X0003", "scsi_version": "SPC-4",
        "smart_status": {"passed": True}, "temperature": {"current": 41, "drive_trip": 65},
        "power_on_time": {"hours": 64579, "minutes": 53}, "scsi_grown_defect_list": defects,
        "scsi_error_counter_log": {
            "read": {"errors_corrected_by_eccdelayed": 2657, "total_errors_corrected": 0,
                     "gigabytes_processed": "3237519.423",
                     "total_uncorrected_errors": uncorrected},
            "write": {"total_errors_corrected": 0, "gigabytes_processed": "1086347.509",
                      "total_uncorrected_errors": 0},
        },
    }  # fmt: skip


SAS_WORN = _said(0, **_sas(defects=4, uncorrected=0))
SAS_UNCORRECTED = _said(0, **_sas(defects=0, uncorrected=3))
NO_SMART = _said(
    4,
    "A mandatory SMART command failed: exiting. To continue, add one or more '-T permissive'",
    smart_support={"available": False},
)
NOT_ALLOWED = _said(2, "Smartctl open device: /dev/sda failed: Permission denied")
NOT_A_DISK = _said(1, "/dev/vda: Unable to detect device type")
NOT_THERE = _said(2, "Smartctl open device: /dev/nosuch failed: No such device")
