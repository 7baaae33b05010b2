"""The joins: what a job did to the fabric, and what the fabric did to the job."""
