"""FastAPI with a task in memory: the gateway's answer, and nothing behind. `python -m bench.fastapi_peer PORT TASK`."""

import sys
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict


class Task(BaseModel):
    """A task as clients see it; what it may have besides comes along."""

    model_config = ConfigDict(extra="allow")

    id: str
    projectId: str  # noqa: N815 - as in the JSON
    title: str
    description: str
    status: str
    priority: str
    labels: list[str]
    createTime: str  # noqa: N815 - likewise
    updateTime: str  # noqa: N815 - likewise
    version: int
    etag: str
    payload: dict[str, Any] | None = None


task = Task.model_validate_json(sys.argv[2])
tasks = {task.id: task}
app = FastAPI()


@app.get("/v1/tasks/{task_id}", response_model_exclude_none=True)
async def get_task(task_id: str, authorization: Annotated[str, Header()]) -> Task:
    """The task, for whoever has a token."""
    if not authorization.startswith("Bearer "):
        raise HTTPException(401)
    found = tasks.get(task_id)
    if found is None:
        raise HTTPException(404)
    return found


@app.get("/healthz")
async def alive() -> dict[str, str]:
    """It runs."""
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
